"""As much of an AWS account as deploying needs: CloudFormation, S3, STS, Secrets Manager, Lambda, Bedrock, and the agent itself.

Prints its URL, serves until its standard input ends, and keeps everything in memory. Tests read the state at `GET /_state` and
change it with `POST /_have`, which adds members. `POST /_play` changes what is played: `bedrock` and `mantle` are refusals of
models; `agent` is the status with which the agent refuses, `end` the last event of its run; `raw` is what the agent sends in
place of a response, after which it closes the connection, or resets it with `reset`; `denied` lists actions. The status 302 names
an address where a request succeeds. Change sets are compared by template and parameters, a deployed function gets a version for
each new code, and signatures are calculated again. Stacks are complete at once.
"""

import hashlib
import json
import os
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from account.agent import agent, alias
from account.bedrock import converse, mantle
from account.cloudformation import cloudformation, deploy
from account.functions import cargo_lambda, lambda_api
from account.secrets import secrets_manager
from account.state import ACCOUNT, Refused, state

lock = threading.RLock()


class Handler(BaseHTTPRequestHandler):
    """Finds the service of a request by its path and headers."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        """Prints nothing."""

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, content, kind="application/json", headers=()):
        content = content if isinstance(content, bytes) else content.encode()
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(content))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def answer_raw(self, text):
        """Sends a text as it is, and nothing more."""
        state["runs"] += 1
        self.close_connection = True
        self.wfile.write(text.encode())
        if state["play"].get("reset"):
            # A socket that does not linger is reset when it is closed.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())

    def handle_request(self):
        body = self.body()
        base = f"http://{self.headers['Host']}"
        place = urlsplit(self.path)
        first = place.path.split("/")[1]
        target = self.headers.get("X-Amz-Target", "")
        is_query = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        with lock:
            try:
                if place.path == "/_state":
                    self.answer(200, json.dumps(state))
                elif place.path == "/_play":
                    state["play"] |= json.loads(body)
                    self.answer(200, "{}")
                elif place.path == "/_have":
                    for kind, things in json.loads(body).items():
                        state[kind] |= things
                    self.answer(200, "{}")
                elif place.path == "/_call":
                    state["calls"].append(json.loads(body))
                    self.answer(200, "{}")
                elif place.path == "/_deploy":
                    deploy(base, *json.loads(body))
                    self.answer(200, "{}")
                elif place.path == "/_cargo":
                    self.answer(200, json.dumps(cargo_lambda(json.loads(body))))
                elif is_query and place.path == "/":
                    self.query(body.decode(), base)
                elif target.startswith("secretsmanager."):
                    self.answer(200, json.dumps(secrets_manager(target.split(".")[1], json.loads(body))))
                elif first == "model":
                    self.answer(200, json.dumps(converse(place.path)))
                elif first == "mantle":
                    status, document = mantle(place.path, self.headers.get("Authorization", ""), body)
                    headers = [("Location", f"{base}/elsewhere")] if status == 302 else []
                    self.answer(status, json.dumps(document), headers=headers)
                elif first in ("2015-03-31", "2021-10-31"):
                    query = {name: values[0] for name, values in parse_qs(place.query).items()}
                    fields = json.loads(body) if body else {}
                    self.answer(200, json.dumps(lambda_api(self.command, place.path, query, fields, base)))
                elif first == "url" and "raw" in state["play"]:
                    self.answer_raw(state["play"]["raw"])
                elif first in ("url", "rest-api", "cloudfront", "alias"):
                    result = alias(self, body) if first == "alias" else agent(self, first, body)
                    if isinstance(result, bytes):
                        self.answer(200, result, "text/event-stream")
                    elif result == 302:
                        self.answer(302, "", headers=[("Location", f"{base}/elsewhere")])
                    else:
                        self.answer(result, json.dumps({"error": {"code": "REFUSED"}}))
                elif first == "elsewhere":
                    self.answer(200, 'data: {"type": "RUN_FINISHED"}\n\n', "text/event-stream")
                else:
                    self.storage(place.path, body)
            except Refused as refused:
                if is_query:
                    error = f"<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>"
                    text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
                    self.answer(refused.status, text, "text/xml")
                else:
                    error = json.dumps({"__type": refused.code, "message": refused.message, "Message": refused.message})
                    self.answer(refused.status, error, headers=[("x-amzn-ErrorType", refused.code)])

    def query(self, body, base):
        fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        action = fields["Action"]
        if action == "GetCallerIdentity":
            result = f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/Developer/amelie</Arn><UserId>u</UserId><Account>{ACCOUNT}</Account>"
        else:
            if f"cloudformation:{action}" in state["play"].get("denied", []):
                raise Refused("AccessDenied", f"not authorized to perform: cloudformation:{action}", 403)
            result = cloudformation(action, fields, base)
        text = f"<{action}Response><{action}Result>{result}</{action}Result><ResponseMetadata/></{action}Response>"
        self.answer(200, text, "text/xml")

    def storage(self, path, body):
        match self.command:
            case "PUT":
                try:
                    state["objects"][path] = body.decode()
                except UnicodeDecodeError:
                    state["objects"][path] = hashlib.sha256(body).hexdigest()
                self.answer(200, "", headers=[("ETag", '"1"')])
            case "HEAD" | "GET" if path in state["objects"]:
                self.answer(200, state["objects"][path], headers=[("ETag", '"1"')])
            case _:
                self.answer(404, "")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_request


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
