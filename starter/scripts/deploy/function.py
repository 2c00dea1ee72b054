"""A function that cargo-lambda has deployed: its log, its alias, and the URL of the alias with who may call it."""

import json

from botocore.exceptions import ClientError

from account import code_of, message_of
from terminal import Stop, say

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
# What the function answers to pages of other origins where it does it itself.
CORS = {
    "AllowMethods": ["GET", "POST"],
    "AllowHeaders": [
        *("authorization", "content-type", "accept", "last-event-id"),
        *("x-agui-user-token", "x-copilotcloud-public-api-key"),
    ],
    "ExposeHeaders": ["retry-after", "www-authenticate"],
    "MaxAge": 600,
}
PUBLIC = {"InvokeFunctionUrl": URL_STATEMENT, "InvokeFunction": INVOKE_STATEMENT}


class Function:
    """The deployed function, its alias and their permissions."""

    def __init__(self, account, name):
        self.client = account.client("lambda")
        self.name = name
        self.region = account.region

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

    def serve(self, url_auth, origins):
        """Gives the alias a URL that streams, and allows nobody more than this URL needs. Returns the URL."""
        cors = {"AllowOrigins": origins, **CORS} if origins else {}
        wanted = {"AuthType": url_auth, "InvokeMode": "RESPONSE_STREAM", "Cors": cors}
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
                f"  aws lambda delete-function-url-config \\\n    --region {self.region} --function-name {self.name}"
            )
        self._permit(latest, url_auth if old is not None else "AWS_IAM")
        if url_auth == "NONE":
            say("The URL is public: every request reaches the function, which checks its token.")
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
