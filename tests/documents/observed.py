"""Blocks that show what the function prints or sends: each is compared with what it does here."""

import json
import re
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aws import TOKEN
from failure import Failure
from shell import pattern
from world import ROOT, SCRATCH

REFUND = {"order_id": "1234", "amount": 20}


def ask(world, text, person):
    """Sends a message as a sample person to the function that is served, and returns the events of the run."""
    message = {"id": "u", "role": "user", "content": text}
    body = {"threadId": "t", "runId": "r", "messages": [message], "state": {}, "tools": [], "context": [], "forwardedProps": {}}
    headers = {"content-type": "application/json", "x-agui-token": TOKEN, "x-agui-dev-as": person}
    request = urllib.request.Request(world.address(), json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return [json.loads(line[6:]) for line in response.read().decode().split("\n") if line.startswith("data: ")]


def only(events, kind):
    found = [event for event in events if event["type"] == kind]
    if not found:
        raise Failure(f"the run has no {kind}", "\n".join(map(json.dumps, events)))
    return found[0]


def welcome(block, world):
    """What `make run` prints at its start."""
    printed = world.function("ag-ui-lambda").replace(world.ports["9000"], "9000")
    for line in block.text.split("\n"):
        if not re.search("^" + pattern(line) + "$", printed, re.MULTILINE):
            raise Failure(f"the function does not print {line}", printed)


def interrupt_id(block, world):
    """The parts of the id of an interrupt, of a call that waits for a person."""
    world.function("ag-ui-lambda")
    events = ask(world, f"/refund_order {json.dumps(REFUND)}", "amelie")
    [interrupt] = only(events, "RUN_FINISHED")["outcome"]["interrupts"]
    compare_parts(block.text, interrupt["id"])


def signature(block, world):
    """The metadata of a result."""
    world.function("ag-ui-lambda")
    events = ask(world, '/get_weather {"city": "Tokyo"}', "amelie")
    shown, metadata = json.loads(block.text), only(events, "TOOL_CALL_RESULT").get("metadata", {})
    if set(shown) != set(metadata) or set(shown["ag_ui_lambda"]) != set(metadata["ag_ui_lambda"]):
        raise Failure("the metadata of a result has other members", json.dumps(metadata))
    compare_parts(shown["ag_ui_lambda"]["signature"], metadata["ag_ui_lambda"]["signature"])


def compare_parts(shown, real):
    """Parts are separated by points. A name in `<>` stands for any text, and `a|b` for one of them."""
    names, parts = shown.split("."), real.split(".")
    fits = len(names) == len(parts) and all(
        name == part or (name.startswith("<") and (part in name.strip("<>").split("|") or "|" not in name))
        for name, part in zip(names, parts, strict=True)
    )
    if not fits:
        raise Failure(f"it has other parts than {shown}", real)


class Model(BaseHTTPRequestHandler):
    """A model that calls a tool which it was not offered, and then says that it is done."""

    def do_POST(self):
        is_first = b'"role":"tool"' not in self.rfile.read(int(self.headers["content-length"]))
        call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "refund_order", "arguments": json.dumps(REFUND)}}
        delta = {"tool_calls": [call]} if is_first else {"content": "Done."}
        reason = "tool_calls" if is_first else "stop"
        chunks = [{"index": 0, "delta": delta}, {"index": 0, "delta": {}, "finish_reason": reason}]
        frames = [json.dumps({"id": "r", "object": "chat.completion.chunk", "choices": [chunk]}) for chunk in chunks]
        text = "".join(f"data: {frame}\n\n" for frame in [*frames, "[DONE]"])
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_HEAD(self):
        self.send_response(404)
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *arguments):
        """Prints nothing."""


def log_line(block, world):
    """A line of the log about a call that is denied, because the caller may not use the tool."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world.ends.append(server.shutdown)
    url = f"http://127.0.0.1:{server.server_port}/v1"
    model = {"AGUI_MODEL": "openai/sample", "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sample", "AGUI_MODEL_ALLOW_HTTP": "1"}
    world.function("ag-ui-lambda", **model)
    ask(world, "Refund it", "ben")
    log = re.sub(r"\x1b\[\d*m", "", (SCRATCH / "function.log").read_text())
    # The value of `who` is another one with each key.
    wanted = re.sub(r"[0-9a-f]{12}", "[0-9a-f]{12}", pattern(block.text))
    if not re.search(wanted, log):
        raise Failure("the function does not log this line", log)


def queries(block, world):
    """Queries of CloudWatch Logs Insights: their commands, and fields that the log has."""
    schema = json.loads((ROOT / "docs/log-lines.schema.json").read_text())
    known = set(re.findall(r'"(\w+)": \{', json.dumps(schema["$defs"]))) | {"@timestamp", "message", "type"}
    # https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
    known |= {f"record.metrics.{name}" for name in ("maxMemoryUsedMB", "billedDurationMs", "initDurationMs")}
    for query in re.split(r"\n\n|\n\|", block.text):
        command, _, rest = query.strip().lstrip("| ").partition(" ")
        for part in [f"{command} {rest}", *rest.split(" | ")[1:]]:
            check_query(part.split(" | ")[0].strip(), known)


COMMANDS = ("filter", "sort", "display", "stats", "fields", "limit", "parse", "dedup")
WORDS = {"and", "or", "not", "like", "in", "by", "as", "desc", "asc", "count", "avg", "pct", "sum", "max", "min", "bin"}


def check_query(query, known):
    command, _, rest = query.partition(" ")
    if command not in COMMANDS:
        raise Failure(f"Logs Insights has no command {command}")
    rest = re.sub(r"'[^']*'|\bas \w+|\b\d+[smhd]?\b", "", rest)
    for name in re.findall(r"@?[A-Za-z_][\w.]*", rest):
        if name not in known and name not in WORDS:
            raise Failure(f"the log has no field {name}")
