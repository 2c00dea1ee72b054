"""Models at `bedrock-mantle`, Bedrock's endpoint with the APIs of OpenAI.

Its requests carry a key, which is a signed request that nobody sends: whoever presents the key acts as its signer.
"""

import base64
import http.client
import json
import os
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from terminal import Stop
from web import open_url, start_of

HOST = "bedrock.amazonaws.com"
# How long a key of this module is valid.
SECONDS = 300


class Refused(Exception):
    """The endpoint has refused a request."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def base_url(region, model):
    """Returns the address of a model. The path depends on the model, as the function has it too."""
    address = os.environ.get("AWS_BEDROCK_BASE_URL")
    if address:
        if not _is_address(address):
            raise Stop(f"AWS_BEDROCK_BASE_URL is {address}; it must be an address that begins with https://")
        return address.rstrip("/")
    is_newer_openai = model.startswith("openai.") and not model.startswith("openai.gpt-oss")
    has_prefix = is_newer_openai or model.startswith(("xai.", "google.gemma-4"))
    return f"https://bedrock-mantle.{region}.api.aws/{'openai/v1' if has_prefix else 'v1'}"


def _is_address(text):
    """Whether a text is the address of a server."""
    try:
        place = urlsplit(text)
        return place.scheme in ("http", "https") and bool(place.hostname)
    except ValueError:
        return False


def api_key(session, region):
    """Makes a key that acts as the credentials of a session."""
    request = AWSRequest("POST", f"https://{HOST}/", headers={"host": HOST}, params={"Action": "CallWithBearerToken"})
    credentials = session.get_credentials().get_frozen_credentials()
    SigV4QueryAuth(credentials, "bedrock", region, expires=SECONDS).add_auth(request)
    signed = f"{request.url.removeprefix('https://')}&Version=1"
    return "bedrock-api-key-" + base64.b64encode(signed.encode()).decode()


def ask(session, region, adapter, model):
    """Sends one small request to a model. Raises Refused with what the endpoint says, or OSError if it cannot be reached."""
    text = "Answer with one word: hello"
    if adapter == "mantle-responses":
        path, body = "responses", {"model": model, "input": text}
    else:
        path, body = "chat/completions", {"model": model, "messages": [{"role": "user", "content": text}]}
    headers = {"content-type": "application/json", "authorization": f"Bearer {api_key(session, region)}"}
    request = urllib.request.Request(f"{base_url(region, model)}/{path}", json.dumps(body).encode(), headers)
    try:
        with open_url(request, timeout=60) as response:
            response.read()
    except urllib.error.HTTPError as error:
        raise Refused(error.code, _message(start_of(error, 4096))) from None
    except http.client.HTTPException as error:
        raise OSError(str(error)) from None


def _message(body):
    """Returns the message of a refusal."""
    try:
        document = json.loads(body)
        error = document.get("error", document)
        return str(error.get("message") or error.get("Message") or document)
    except (ValueError, AttributeError):
        return body.decode(errors="replace")[:400]
