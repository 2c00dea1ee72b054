"""The stand-in for OpenAI's Chat Completions, which every measured agent uses as its model, and for an agent behind a bridge.

A run has two turns: a call of `find_order`, and a text of 200 deltas. Each event of a turn is a chunk of its own. Between two
chunks the server waits for the time that `GET /pace/<milliseconds>` has set, or sends the complete turn at once for 0.

Usage: stand_in.py. It prints the port on which it listens on this machine, and serves until it is ended.
"""

import asyncio
import json

TOOL = "find_order"
ARGUMENTS = ['{"order"', ': "A-', '17"}']
RESULT = "Order A-17 of acme is on its way."
DELTAS = [f"word{number} " for number in range(200)]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


def chunk(text):
    """A text as an event of the stream, in a chunk of its own."""
    event = b"data: " + text.encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


def completion(delta, finish_reason=None):
    """An event of Chat Completions with this delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return chunk(json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in", "choices": [choice],
    }))


def turn_with_call(call_id, tool):
    """A call of this tool. The first piece has its id and name, the others its arguments."""
    first = {"index": 0, "id": call_id, "type": "function", "function": {"name": tool, "arguments": ""}}
    # The tool of the example for a server has another argument, which is a text as well.
    name = "location" if tool == "get_weather" else "order"
    pieces = [{"index": 0, "function": {"arguments": text.replace("order", name)}} for text in ARGUMENTS]
    return [
        completion({"role": "assistant", "content": None, "tool_calls": [first]}),
        *[completion({"tool_calls": [piece]}) for piece in pieces],
        completion({}, "tool_calls"),
    ]


TURN_WITH_TEXT = [
    completion({"role": "assistant", "content": ""}),
    *[completion({"content": text}) for text in DELTAS],
    completion({}, "stop"),
]
USAGE = chunk(json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in", "choices": [],
    "usage": {"prompt_tokens": 50, "completion_tokens": 200, "total_tokens": 250},
}))


def turn(request):
    """The next turn of the model: the call first, and the text when the last message is the result of the call."""
    if request["messages"][-1]["role"] == "tool":
        chunks = list(TURN_WITH_TEXT)
    else:
        chunks = turn_with_call(f"call_{next(ids)}", request["tools"][0]["function"]["name"])
    if request.get("stream_options", {}).get("include_usage"):
        chunks.append(USAGE)
    return [*chunks, chunk("[DONE]")]


def run(request):
    """The events of a run of an agent, for the bridge: the same call and text."""
    message, call_id = f"message_{next(ids)}", f"call_{next(ids)}"
    of_run = {"threadId": request["threadId"], "runId": request["runId"]}
    events = [
        {"type": "RUN_STARTED", **of_run},
        {"type": "TOOL_CALL_START", "toolCallId": call_id, "toolCallName": TOOL},
        *[{"type": "TOOL_CALL_ARGS", "toolCallId": call_id, "delta": text} for text in ARGUMENTS],
        {"type": "TOOL_CALL_END", "toolCallId": call_id},
        {"type": "TOOL_CALL_RESULT", "messageId": f"{message}_result", "toolCallId": call_id, "content": RESULT},
        {"type": "TEXT_MESSAGE_START", "messageId": message, "role": "assistant"},
        *[{"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": text} for text in DELTAS],
        {"type": "TEXT_MESSAGE_END", "messageId": message},
        {"type": "RUN_FINISHED", **of_run},
    ]
    return [chunk(json.dumps(event)) for event in events]


ids = iter(range(10**9))
pace_s = 0.0


class Connection(asyncio.Protocol):
    """A connection, with one request after another."""

    def connection_made(self, transport):
        self.transport = transport
        self.data = b""
        self.answer = None

    def connection_lost(self, _):
        if self.answer is not None:
            self.answer.cancel()

    def data_received(self, data):
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(body) < length:
            return
        self.data = body[length:]
        method, path, _ = head.split(b" ", 2)
        self.serve(method.decode(), path.decode(), body[:length])

    def serve(self, method, path, body):
        global pace_s
        if path.startswith("/pace/"):
            pace_s = float(path.removeprefix("/pace/")) / 1000
            self.transport.write(DONE)
        elif method == "POST" and path == "/v1/chat/completions":
            self.stream(turn(json.loads(body)))
        elif method == "POST" and path == "/agent":
            self.stream(run(json.loads(body)))
        else:
            self.transport.write(NOT_FOUND)

    def stream(self, chunks):
        if pace_s == 0:
            self.transport.write(HEAD + b"".join(chunks) + b"0\r\n\r\n")
        else:
            self.answer = asyncio.create_task(self.stream_slowly(chunks))

    async def stream_slowly(self, chunks):
        self.transport.write(HEAD)
        for piece in chunks:
            self.transport.write(piece)
            await asyncio.sleep(pace_s)
        self.transport.write(b"0\r\n\r\n")


async def main():
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
