"""Lambda's Runtime API for one process of a function, which gets one event after another, as in an environment of Lambda."""

import contextlib
import json
import queue
import socket
import threading
import time
from pathlib import Path

from runs import ORG, RUN_TIMEOUT_S, TOKEN, Run, WrongRun, run_input

EVENT = json.loads((Path(__file__).parents[2] / "events" / "rest-cognito.json").read_text())
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


def event(number):
    """The event of a REST API for a run. Its authorizer has verified the organisation of the caller."""
    EVENT["headers"]["x-agui-token"] = TOKEN
    EVENT["multiValueHeaders"]["x-agui-token"] = [TOKEN]
    EVENT["requestContext"]["authorizer"]["claims"]["custom:org_id"] = ORG
    return json.dumps({**EVENT, "body": run_input(number), "isBase64Encoded": False})


class RuntimeApi:
    """The server that a function asks for its events and sends its responses to. It has the interface of runs.Client."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"
        self.events = queue.SimpleQueue()
        self.runs = queue.SimpleQueue()
        self.polled = threading.Event()
        self.sent_at = 0.0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve_until_closed, args=(connection,), daemon=True).start()

    def serve_until_closed(self, connection):
        with contextlib.suppress(ConnectionResetError):
            self.serve(connection)

    def serve(self, connection):
        """Serves the requests of a connection, until the function closes it."""
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1]
            if target.endswith(b"/next"):
                self.polled.set()
                body = self.events.get().encode()
                self.sent_at = time.perf_counter()
                deadline = int((time.time() + 10 * RUN_TIMEOUT_S) * 1000)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                    b"lambda-runtime-aws-request-id: %s\r\nlambda-runtime-deadline-ms: %d\r\n"
                    b"lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:compared\r\n"
                    b"content-length: %d\r\n\r\n%s" % (REQUEST_ID.encode(), deadline, len(body), body)
                )
                continue
            run = Run(self.sent_at)
            if not target.endswith(b"/response"):
                run.body += head + data
            else:
                while not run.feed(data):
                    data = connection.recv(65536)
                    if not data:
                        break
            data = b""
            connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            self.runs.put(run)

    def run(self, number):
        """Gives the function the event of a run, and waits for the end of its response."""
        self.events.put(event(number))
        run = self.runs.get(timeout=RUN_TIMEOUT_S)
        if run.ended_at is None:
            raise WrongRun(f"the function sent no complete response: {bytes(run.body)[-2000:]!r}")
        return run

    def wait(self):
        """Waits until the function asks for its first event."""
        if not self.polled.wait(RUN_TIMEOUT_S):
            raise WrongRun("the function did not ask for an event")

    def close(self):
        self.server.close()
