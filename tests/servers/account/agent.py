"""The agent that is deployed, behind each of its entry points."""

import hashlib
import json
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .state import TOKEN, state


def is_signed(handler, body, service):
    header = handler.headers.get("Authorization", "")
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=(\S+), ?Signature=(\w+)", header
    )
    if not match or match[3] != service:
        return False
    request = AWSRequest(handler.command, f"http://{handler.headers['Host']}{handler.path}", data=body)
    for name in match[4].split(";"):
        request.headers[name] = handler.headers.get(name, "")
    request.context["timestamp"] = handler.headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(match[1], "test"), service, match[2])
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return signer.signature(text, request) == match[5]


def agent(handler, path, body):
    """Answers as the agent behind one of the entry points, or returns the status of its refusal."""
    if state["play"].get("agent"):
        return state["play"]["agent"]
    core = next(stack for stack in state["stacks"].values() if "AliasArn" in stack["outputs"])
    entry_point = core["parameters"]["EntryPoint"]
    issuer = core["parameters"].get("UserJwtIssuer")
    token = handler.headers.get(state["play"].get("header", "x-agui-token")) == TOKEN
    match entry_point:
        case "server-token":
            may = path == "url" and token
        case "cloudfront":
            may = path == "cloudfront" and handler.headers.get("x-amz-content-sha256") == hashlib.sha256(body).hexdigest()
            may = may and (token or bool(issuer))
        case "signed-url":
            may = path == "url" and is_signed(handler, body, "lambda")
        case "rest-iam":
            may = path == "rest-api" and is_signed(handler, body, "execute-api")
        case _:
            may = handler.headers.get("Authorization") in ("Bearer a.b.c", "a.b.c")
    # With an issuer the JWT of the user is needed too.
    if issuer and entry_point in ("server-token", "signed-url", "rest-iam", "cloudfront"):
        may = may and handler.headers.get("x-agui-user-token") == "a.b.c"
    if not may:
        return 401
    return run(body)


def alias(handler, body):
    """Answers as the function that cargo-lambda has deployed, at the URL of its alias, or returns the status of its refusal."""
    function = next(function for function in state["functions"].values() if "settings" in function)
    settings = dict(line.split("=", 1) for line in function["settings"] if line)
    if function["urls"]["live"]["AuthType"] == "AWS_IAM" and not is_signed(handler, body, "lambda"):
        return 403
    token = handler.headers.get(state["play"].get("header", "x-agui-token")) == TOKEN
    user = handler.headers.get("x-agui-user-token") == "a.b.c"
    jwt = user or handler.headers.get("Authorization") == "Bearer a.b.c"
    mode = settings.get("AGUI_AUTH", "token")
    proofs = {"token": token, "both": token, "authorizer": True, "jwt": jwt, "token_or_jwt": token or jwt}
    needs_user = "AGUI_JWT_ISSUER" in settings and "jwt" not in mode
    return run(body) if proofs[mode] and (user or not needs_user) else 401


def run(body):
    """Returns the events of a run."""
    question = json.loads(body)["messages"][-1]["content"]
    state["runs"] += 1
    events = [
        {"type": "RUN_STARTED", "threadId": "t", "runId": "r"},
        {"type": "TOOL_CALL_START", "toolCallId": "c", "toolCallName": "look_up"},
        {"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "You wrote: "},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": question},
        {"type": "TEXT_MESSAGE_END", "messageId": "m"},
        state["play"].get("end") or {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"},
    ]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
