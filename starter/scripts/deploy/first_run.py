"""The first run after a deployment, and the commands for the next ones."""

import hashlib
import http.client
import json
import re
import time
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

import curl
from account import message_of
from stacks import command
from terminal import Stop, heading, say
from web import open_url, start_of

TEXT = "Hello! What can you do for me?"
BODY = {
    "threadId": "thread-1",
    "runId": "run-1",
    "protocolVersion": "1.0",
    "messages": [{"id": "msg-1", "role": "user", "content": TEXT}],
}
# Which service of AWS checks the signature of an entry point.
SIGNED = {"signed-url": "lambda", "rest-iam": "execute-api"}
# Entry points whose callers need a token of a person, which a deployment does not have.
PERSONAL = {
    "browser-jwt": "the JWT of a user",
    "rest-cognito": "the token of a user of the pool",
    "rest-lambda": "a token that your authorizer accepts",
}
# How they send it. An authorizer of a REST API gets the header as it is. With an issuer the function also reads
# x-agui-user-token, except at browser-jwt.
HEADERS = {
    "browser-jwt": curl.BEARER,
    "rest-cognito": "authorization: $JWT",
    "rest-lambda": "authorization: $JWT",
}
MEANINGS = {
    401: "The token or JWT was not accepted.",
    403: "AWS refused the request: the signature, the policy of the caller or the permission of the URL. A new "
    "permission can take a minute.",
    404: "No function answers at this URL.",
    429: "The limit of concurrent runs is reached.",
    502: "The function has failed. Its log says why.",
    503: "The function cannot serve yet. Its log names the setting or secret that is wrong.",
}


def meaning_of(status):
    """Returns what a status says about the deployment; empty if nothing is known about it."""
    if 300 <= status < 400:
        return "A redirect is not followed, because the other server would get the token. Something in front of the function sends it."
    return MEANINGS.get(status, "")


def read_token(account, secret):
    """Reads the shared token."""
    value = account.client("secretsmanager").get_secret_value(SecretId=secret).get("SecretString")
    try:
        return json.loads(value)["token"]
    except (ValueError, KeyError, TypeError):
        raise Stop(f'the secret {secret} is not JSON of the form {{"token": "..."}}') from None


class Caller:
    """A deployed agent and how it is called."""

    def __init__(self, project, account, answers, outputs, url):
        self.project = project
        self.account = account
        self.entry_point = outputs.get("EntryPoint", "server-token")
        self.url = url
        self.secret = outputs.get("TokenSecretArn")
        core = answers.core
        self.principals = core.get("IamPrincipals", "")
        self.token_header = project.token_header(core)
        self.has_users = bool(core.get("UserJwtIssuer"))
        self.is_personal = self.entry_point in PERSONAL or self.has_users
        self.sends_token = (
            self.entry_point == "server-token"
            or (self.entry_point == "signed-url" and not self.principals)
            or (self.entry_point == "cloudfront" and not self.has_users)
        )
        if self.sends_token and not self.secret:
            raise Stop("the agent is deployed, but its stack has no output TokenSecretArn: add it to template.yaml, under Outputs")

    def try_it(self):
        """Streams a first run, where the entry point lets a terminal in."""
        if self.is_personal:
            person = self._proof()
            heading("Not tried yet")
            say(f"This entry point needs {person}, so the first run is yours: the commands are below.")
            return
        if self.entry_point in SIGNED and self.principals and not self._may_call():
            say(f"\nNote: no run was tried, because IamPrincipals does not name {self.account.caller}.")
            return
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        if self.sends_token:
            try:
                headers[self.token_header] = read_token(self.account, self.secret)
            except (BotoCoreError, ClientError) as error:
                say(f"\nNote: no run was tried, because you may not read the shared token: {message_of(error)}")
                return
        heading("A first run")
        say(f"You: {TEXT}")
        self._stream(headers)

    def _may_call(self):
        """Whether IamPrincipals names whoever deploys."""
        patterns = [".*".join(map(re.escape, pattern.split("*"))) for pattern in self.principals.split(",")]
        return any(re.fullmatch(pattern, self.account.caller) for pattern in patterns)

    def _proof(self):
        """Returns what a caller of this entry point must have, if it is the token of a person."""
        return PERSONAL.get(self.entry_point, "the JWT of a user")

    def _stream(self, headers):
        body = json.dumps(BODY).encode()
        if self.entry_point == "cloudfront":
            headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
        if self.entry_point in SIGNED:
            headers = self._signed(body, headers)
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        # Permissions and the first start take a moment to be there, so the first refusals are tried again.
        for pause in (5, 10, 15, None):
            try:
                response = open_url(request, timeout=320)
                break
            except urllib.error.HTTPError as error:
                if pause is None or error.code not in (403, 404, 503):
                    meaning = meaning_of(error.code)
                    text = start_of(error, 400).decode(errors="replace")
                    if self.entry_point in SIGNED and error.code in (401, 403):
                        # Whoever deploys need not be one of the callers.
                        say(f"Note: the agent is deployed, but refused your first run with {error.code}. {meaning}\n  {text}")
                        return
                    raise Stop(f"the agent is deployed, but the first run got {error.code}. {meaning}\n  {text}") from None
            except OSError as error:
                if pause is None:
                    raise Stop(f"the agent is deployed, but {self.url} cannot be reached: {error}") from None
            except http.client.HTTPException as error:
                raise Stop(f"the agent is deployed, but what answers at {self.url} does not speak HTTP: {error}") from None
            time.sleep(pause)
        # From here on the run is at work, and is not sent again.
        with response:
            show(response)

    def _signed(self, body, headers):
        request = AWSRequest(method="POST", url=self.url, data=body, headers=headers)
        credentials = self.account.session.get_credentials().get_frozen_credentials()
        SigV4Auth(credentials, SIGNED[self.entry_point], self.account.region).add_auth(request)
        return dict(request.headers)

    def next_steps(self):
        """Prints commands, none of whose lines is longer than 80 columns, so that they can be pasted."""
        heading("What you can do next")
        headers = self._headers()
        if self.is_personal:
            say(f"Read {self._proof()} into your shell:\n")
            print(f"  {curl.read(headers[-1])}\n")
        say("Send a message from a terminal:\n")
        token = [f"TOKEN=$({command('token', self.project).replace('make', 'make -s', 1)})"] if self.sends_token else []
        signed = (SIGNED[self.entry_point], self.account.region) if self.entry_point in SIGNED else None
        for line in curl.run(self.url, headers, token, signed, is_hashed=self.entry_point == "cloudfront"):
            print(f"  {line}")
        say("")
        if self.sends_token:
            # A secret may be named by its name too, which is what is left of its ARN without the last six characters.
            say(
                f"Give the URL to your server. It reads the token from the secret {self.secret.split(':')[-1][:-7]}; the output "
                "TokenReaderPolicyArn of the stack is the policy that its role needs.\n"
            )
            if self.is_personal:
                say("It sends the JWT of its user too, as x-agui-user-token.\n")
        elif self.entry_point == "browser-jwt":
            say("Give the URL to your page, which sends the JWT as `Authorization: Bearer`. It needs nothing else.\n")
        say("Deploy a change, go back to the version before, or delete everything:\n")
        for name in ("deploy", "rollback", "destroy"):
            print(f"  {command(name, self.project)}")

    def _headers(self):
        """Returns the headers that prove who calls, those of a person last."""
        headers = [curl.shared_token(self.token_header)] if self.sends_token else []
        if self.entry_point in HEADERS:
            headers.append(HEADERS[self.entry_point])
        if self.has_users and self.entry_point != "browser-jwt":
            headers.append(curl.USER_TOKEN)
        return headers


def show(response):
    """Prints the text of a run while it arrives, and the tools that it calls. A run that fails ends the command."""
    started = time.monotonic()
    is_open = False
    for event in _events(response):
        match event.get("type"):
            case "TEXT_MESSAGE_CONTENT":
                if not is_open:
                    print("Agent: ", end="")
                    is_open = True
                print(event.get("delta", ""), end="", flush=True)
            case "TOOL_CALL_START":
                print(f"{chr(10) if is_open else ''}[calls {event.get('toolCallName')}]")
                is_open = False
            case "RUN_ERROR":
                print("\n" if is_open else "", end="")
                raise Stop(
                    f"the agent is deployed, but the run has failed: {event.get('code')}: {event.get('message')}. "
                    "Its log has the cause"
                )
            case "RUN_FINISHED":
                print("\n" if is_open else "", end="")
                say(f"The run has finished after {time.monotonic() - started:.1f} s.")
                return
    raise Stop("the agent is deployed, but the stream of the run broke off before its end. Its log has the cause")


def _events(response):
    """Yields the events of a run, up to the end of the stream or to what is no event."""
    try:
        for line in response:
            if not line.startswith(b"data:"):
                continue
            event = json.loads(line[5:])
            if not isinstance(event, dict):
                return
            yield event
    except (OSError, ValueError, http.client.HTTPException):
        return
