"""Bedrock: a model at each of its endpoints. Tests play refusals: `bedrock` with code and message, `mantle` with status and message."""

import base64
import json
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .state import Refused, state


def converse(path):
    model = unquote(path.split("/")[2])
    refusal = state["play"].get("bedrock", {}).get(model)
    if refusal:
        raise Refused(*refusal, 403 if refusal[0] == "AccessDeniedException" else 400)
    message = {"message": {"role": "assistant", "content": [{"text": "hello"}]}}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    return {"output": message, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}


def mantle(path, authorization, body):
    """Answers a request with the APIs of OpenAI, as status and document."""
    request = json.loads(body)
    if not is_key(authorization.removeprefix("Bearer ")):
        return 401, {"error": {"message": "Invalid bearer token"}}
    has_input = "input" in request if path.endswith("/responses") else "messages" in request
    if not has_input:
        return 400, {"error": {"message": "The request has no input"}}
    state["asked"].append(f"{path.removeprefix('/mantle/')} {request['model']}")
    status, message = state["play"].get("mantle", {}).get(request["model"], (200, ""))
    return status, {"error": {"message": message}} if message else {}


def is_key(key):
    """Whether a key is signed by the credentials that tests have. It is a signed request in base64."""
    if not key.startswith("bedrock-api-key-"):
        return False
    url = urlsplit("https://" + base64.b64decode(key.removeprefix("bedrock-api-key-")).decode())
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    access_key, _, region, service, _ = query["X-Amz-Credential"].split("/")
    signed = url._replace(query=url.query.split("&X-Amz-Signature=")[0]).geturl()
    request = AWSRequest("POST", signed, headers={"host": url.netloc})
    request.context["timestamp"] = query["X-Amz-Date"]
    signer = SigV4QueryAuth(Credentials(access_key, "test"), "bedrock", region)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return (signature, service, query["Action"]) == (query["X-Amz-Signature"], "bedrock", "CallWithBearerToken")
