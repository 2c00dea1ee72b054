"""`make deploy WITH=cargo-lambda`: deploys only the function, and gives it the alias `live` with a URL that streams.

It creates no secret, role, alarm or rotation. It reads these variables:

    FUNCTION=name      its name in AWS; the name of the program in Cargo.toml if it is not set
    ROLE=arn:...       its role, which must read the secrets, write logs and invoke the model; required the first time
    URL_AUTH=NONE      NONE lets every request reach the function, which checks the token; or AWS_IAM
    MEMORY_MB, TIMEOUT_S, LOG_RETENTION_DAYS
    AGUI_*             its settings; each deployment replaces all of them
"""

import json
import os
import subprocess
import tempfile
import tomllib
from pathlib import Path

from botocore.exceptions import ClientError

from account import Account, code_of, message_of, need
from terminal import Stop, heading, say

ALIAS = "live"
# What everybody may do at a public URL. Without the limit to the URL everybody could invoke the function with forged events.
URL_STATEMENT = {
    "StatementId": "url",
    "Action": "lambda:InvokeFunctionUrl",
    "Principal": "*",
    "FunctionUrlAuthType": "NONE",
}
INVOKE_STATEMENT = {
    "StatementId": "through-url",
    "Action": "lambda:InvokeFunction",
    "Principal": "*",
    "InvokedViaFunctionUrl": True,
}
PUBLIC = {"InvokeFunctionUrl": URL_STATEMENT, "InvokeFunction": INVOKE_STATEMENT}


def deploy():
    """Deploys the function with the variables of the environment."""
    settings = {variable: value for variable, value in os.environ.items() if variable.startswith("AGUI_") and value}
    url_auth = os.environ.get("URL_AUTH") or "NONE"
    check(settings, url_auth)
    need("cargo", "cargo-lambda")
    account = Account()
    binary = default_binary()
    function = Function(account, name())
    role = os.environ.get("ROLE")
    # If the function does not exist and ROLE is not set, cargo-lambda would create a role that may read no secret.
    if not role and not function.exists():
        raise Stop(
            f"there is no function {function.name} yet: set ROLE to the ARN of its role; docs/deploy.md lists its permissions"
        )

    heading("Building the function for arm64 (the first time takes some minutes)")
    cargo("build", "--locked", "--release", "--arm64", "--bin", binary)
    heading(f"Deploying {function.name} to account {account.id}, {account.region}")
    with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
        file.write("".join(f"{variable}={value}\n" for variable, value in settings.items()))
        file.flush()
        limits = [
            *("--memory", os.environ.get("MEMORY_MB") or "512"),
            *("--timeout", os.environ.get("TIMEOUT_S") or "300"),
            *("--log-retention", os.environ.get("LOG_RETENTION_DAYS") or "30"),
        ]
        chosen_role = ["--role", role] if role else []
        cargo("deploy", function.name, "--binary-name", binary, "--env-file", file.name, *limits, *chosen_role)

    heading("Setting what cargo-lambda leaves out")
    try:
        function.publish()
        url = function.serve(url_auth)
    except ClientError as error:
        raise Stop(f"the function is deployed, but not its URL: {message_of(error)}") from None
    say(f"The URL streams: {url}\n")
    for line in (
        f"URL={url}",
        'BODY=\'{"threadId":"thread-1","runId":"run-1","protocolVersion":"1.0",',
        ' "messages":[{"id":"msg-1","role":"user","content":"Hello!"}]}\'',
        'curl -N "$URL" -d "$BODY" -H "x-agui-token: $TOKEN" \\',
        "  -H 'content-type: application/json'",
    ):
        print(f"  {line}")
    say("\nTOKEN is the token in your secret. Only template.yaml creates alarms, a concurrency limit and rotation.")


def check(settings, url_auth):
    """Refuses settings with which the function could not start."""
    if url_auth not in ("NONE", "AWS_IAM"):
        raise Stop(f"URL_AUTH is {url_auth}; it must be NONE or AWS_IAM")
    for variable in ("AGUI_LOCAL", "AGUI_TOKEN", "AGUI_APPROVAL_KEY"):
        if variable in settings:
            raise Stop(
                f"{variable} is for local mode; unset it, and set AGUI_TOKEN_SECRET_ID and AGUI_APPROVAL_SECRET_ID to names of secrets"
            )
    if "AGUI_MODEL" not in settings:
        raise Stop("AGUI_MODEL must name the model")
    if "AGUI_TOKEN_SECRET_ID" not in settings and settings.get("AGUI_AUTH") not in ("authorizer", "jwt"):
        raise Stop("AGUI_TOKEN_SECRET_ID must name the secret of the shared token; docs/deploy.md says how to create one")


def name():
    """Returns the name of the function in AWS."""
    return os.environ.get("FUNCTION") or default_binary()


def alias():
    """Returns the alias, named by its function."""
    return f"{name()}:{ALIAS}"


def default_binary():
    """Returns the program that `cargo run` would start: default-run, the first of [[bin]], or that of src/main.rs."""
    manifest = tomllib.loads(Path("Cargo.toml").read_text())
    package = manifest["package"]
    programs = [program["name"] for program in manifest.get("bin", [])]
    return package.get("default-run") or (programs or [package["name"]])[0]


def cargo(*arguments):
    """Runs cargo-lambda."""
    if subprocess.run(["cargo", "lambda", *arguments]).returncode:
        raise Stop(f"`cargo lambda {arguments[0]}` failed; its lines above say why")


class Function:
    """The deployed function, its alias and their permissions."""

    def __init__(self, account, name):
        self.client = account.client("lambda")
        self.name = name

    def exists(self):
        """Whether the function is there already."""
        return self._found(self.client.get_function_configuration, FunctionName=self.name) is not None

    def publish(self):
        """Sets the format of the log, publishes a version and moves the alias to it."""
        updated = self.client.get_waiter("function_updated_v2")
        updated.wait(FunctionName=self.name)
        say("Log format: JSON. The metrics cannot be read from text.")
        self.client.update_function_configuration(
            FunctionName=self.name,
            LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"},
        )
        updated.wait(FunctionName=self.name)
        version = self.client.publish_version(FunctionName=self.name)["Version"]
        alias = {"FunctionName": self.name, "Name": ALIAS, "FunctionVersion": version}
        if self._found(self.client.get_alias, FunctionName=self.name, Name=ALIAS) is None:
            self.client.create_alias(**alias)
        else:
            self.client.update_alias(**alias)
        say(f"Alias: {ALIAS} is at version {version}.")

    def serve(self, url_auth):
        """Gives the alias a URL that streams, and allows nobody more than this URL needs. Returns the URL."""
        wanted = {"AuthType": url_auth, "InvokeMode": "RESPONSE_STREAM"}
        alias = {"FunctionName": self.name, "Qualifier": ALIAS}
        say(f"Function URL of {ALIAS}: RESPONSE_STREAM, so that runs stream, and authentication {url_auth}.")
        if self._found(self.client.get_function_url_config, **alias) is None:
            self.client.create_function_url_config(**alias, **wanted)
        else:
            self.client.update_function_url_config(**alias, **wanted)
        self._permit(alias, url_auth)

        # A deployment before there was an alias has left a URL for the latest code.
        latest = {"FunctionName": self.name}
        old = self._found(self.client.get_function_url_config, **latest)
        if old is not None:
            self.client.update_function_url_config(**latest, **wanted)
            say(
                f"The function also has a URL without the alias, {old['FunctionUrl']}. When no client uses it any more:\n"
                f"  aws lambda delete-function-url-config --function-name {self.name}"
            )
        self._permit(latest, url_auth if old is not None else "AWS_IAM")
        if url_auth == "NONE":
            say("The URL is public: every request reaches the function, which checks the token.")
        else:
            say("Callers need lambda:InvokeFunctionUrl and lambda:InvokeFunction in their own policies.")

        url = self.client.get_function_url_config(**alias)
        found = (url["AuthType"], url["InvokeMode"])
        if found != (url_auth, "RESPONSE_STREAM"):
            raise Stop(f"the URL is {' and '.join(found)}; it must be {url_auth} and RESPONSE_STREAM")
        return url["FunctionUrl"]

    def _permit(self, place, url_auth):
        """Leaves everybody exactly what a URL with this authentication needs, at the function or at its alias."""
        wanted = set(PUBLIC) if url_auth == "NONE" else set()
        found = self._public_statements(place)
        for kind, sid in found:
            if kind not in wanted:
                say(f"Removed the statement {sid} ({kind}), which allowed every caller.")
                self.client.remove_permission(**place, StatementId=sid)
        for kind in sorted(wanted - {kind for kind, _ in found}, reverse=True):
            self.client.add_permission(**place, **PUBLIC[kind])
        found = {kind for kind, _ in self._public_statements(place)}
        if found != wanted:
            may, must = (", ".join(sorted(kinds)) or "nothing" for kinds in (found, wanted))
            raise Stop(f"every caller may: {may}; it must be: {must}")

    def _public_statements(self, place):
        """Returns the statements that allow every caller something, as kind and id."""
        try:
            policy = self._found(self.client.get_policy, **place)
        except ClientError as error:
            raise Stop(f"the policy of the function cannot be read: {code_of(error)}: {message_of(error)}") from None
        statements = json.loads(policy["Policy"])["Statement"] if policy else []
        return [(_kind(statement), statement["Sid"]) for statement in statements if _is_public(statement["Principal"])]

    def _found(self, call, **arguments):
        """Returns the answer of a call, or None if what it asks for does not exist."""
        try:
            return call(**arguments)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise


def _is_public(principal):
    named = principal if isinstance(principal, str) else principal.get("AWS", [])
    return "*" in ([named] if isinstance(named, str) else named)


def _kind(statement):
    """Returns what a statement allows: one of PUBLIC, or what nobody may do without a limit."""
    if statement["Action"] == "lambda:InvokeFunctionUrl":
        return "InvokeFunctionUrl"
    if statement["Action"] == "lambda:InvokeFunction":
        limited = statement.get("Condition", {}) == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
        return "InvokeFunction" if limited else "unlimited"
    return "other"
