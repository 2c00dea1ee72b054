"""Sends runs over HTTP, and records how their events arrive."""

import json
import socket
import time
from dataclasses import dataclass, field

from stand_in import DELTAS

RUN_TIMEOUT_S = 60
TOKEN = "token-of-the-comparison"
ORG = "acme"


class WrongRun(Exception):
    """A run that did not do the work that all agents have to do."""


def run_input(number):
    """The input of a run. Each run has a thread of its own, as runs of different users have."""
    return json.dumps({
        "threadId": f"thread-{number}", "runId": f"run-{number}", "state": {}, "tools": [], "context": [],
        "forwardedProps": {},
        "messages": [{"id": f"user-{number}", "role": "user", "content": "Where is A-17?"}],
    })


@dataclass
class Run:
    """What has arrived of a run: the chunked body, and when it began. Times are those of time.perf_counter."""

    sent_at: float
    body: bytearray = field(default_factory=bytearray)
    first_event_at: float | None = None
    first_text_at: float | None = None
    ended_at: float | None = None

    def feed(self, data):
        """Takes the next bytes of the body. Returns whether they are the last."""
        now = time.perf_counter()
        self.body += data
        if self.first_event_at is None and b"RUN_STARTED" in self.body:
            self.first_event_at = now
        if self.first_text_at is None and b'"TEXT_MESSAGE_CONTENT"' in self.body:
            self.first_text_at = now
        if not self.body.endswith(b"0\r\n\r\n"):
            return False
        self.ended_at = now
        return True

    def stream(self):
        """The body without its chunks, and without what Lambda reads of it: status and headers before eight zero bytes."""
        body, parts, at = bytes(self.body), [], 0
        while True:
            end = body.index(b"\r\n", at)
            size = int(body[at:end], 16)
            if size == 0:
                stream = b"".join(parts)
                return stream.partition(b"\0" * 8)[2] or stream
            parts.append(body[end + 2 : end + 2 + size])
            at = end + 2 + size + 2

    def check(self, result):
        """Returns the number of events and of bytes. Raises WrongRun if a piece of the expected run is missing."""
        stream = self.stream()
        problems = [
            problem
            for problem, is_one in [
                ("it has no RUN_FINISHED", b'"RUN_FINISHED"' not in stream),
                ("it has a RUN_ERROR", b'"RUN_ERROR"' in stream),
                ("the result of the tool is missing", result.encode() not in stream),
                ("the last delta is missing", DELTAS[-1].encode() not in stream),
            ]
            if is_one
        ]
        if problems:
            raise WrongRun(f"{', '.join(problems)}: {stream[-2000:].decode(errors='replace')}")
        events = [line for line in stream.split(b"\n") if line.startswith(b"data:")]
        return len(events), sum(map(len, events))

    def text(self):
        """The text of the run, as its deltas make it."""
        events = [json.loads(line[5:]) for line in self.stream().split(b"\n") if line.startswith(b"data:")]
        return "".join(event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")


class Client:
    """A connection to an agent that is served over HTTP. It is kept open for all of its runs, if the server keeps it open."""

    def __init__(self, port, path):
        self.port, self.path = port, path
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=RUN_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def wait(self):
        """The agent is ready: it has accepted the connection."""

    def run(self, number):
        """Sends a run, and reads its response to the end."""
        body = run_input(number)
        request = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-type: application/json\r\n"
            f"accept: text/event-stream\r\nx-agent-token: {TOKEN}\r\nx-org-id: {ORG}\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}"
        ).encode()
        run = Run(time.perf_counter())
        data = self.send(request)
        if not data:
            # A server closes a connection that is idle for some seconds.
            self.socket.close()
            self.connect()
            run = Run(time.perf_counter())
            data = self.send(request)
        head, _, data = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise WrongRun(f"the response is {(head + data)[:2000]!r}")
        while not run.feed(data):
            data = self.socket.recv(65536)
            if not data:
                raise WrongRun(f"the stream broke off: {run.body[-2000:]!r}")
        return run

    def send(self, request):
        """Sends a request. Returns the head of the response and what has come with it; nothing if the connection is closed."""
        data = b""
        try:
            self.socket.sendall(request)
            while b"\r\n\r\n" not in data:
                more = self.socket.recv(65536)
                if not more:
                    return b""
                data += more
        except (BrokenPipeError, ConnectionResetError):
            return b""
        return data

    def close(self):
        self.socket.close()
