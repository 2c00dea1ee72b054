"""Checks of answers that depend on each other or on a service, before anything is built."""

import http.client
import json
import urllib.error

from entry_points import CALLERS
from expressions import Expressions
from form import mapping_at
from terminal import Stop, say
from web import open_url

# The most characters that Lambda accepts in the description of a version.
_DESCRIPTION = 256
# How a parameter that is long in it can be shorter.
_SHORTER = {
    "AllowedOrigins": "Name fewer origins.",
    "IamPrincipals": "One ARN with * can stand for several roles whose names begin alike: ...:assumed-role/app-*/*",
    "Model": "Name fewer models.",
    "ModelSecretArn": "Give the secret a shorter name.",
    "UserJwtAudience": "Name fewer audiences.",
}


class Invalid(Exception):
    """An answer is not valid, with the reason."""


def drop_callers(core, given):
    """Removes who may call from the answers where another entry point, chosen now, has no place for it."""
    entry_point = core.get("EntryPoint")
    for name in CALLERS.keys() - given:
        if core.get(name) and entry_point in CALLERS[name]:
            say(f"{name}={core[name]} stays with EntryPoint={entry_point}.")
        elif core.pop(name, None):
            say(f"{name} is removed, because EntryPoint={entry_point} does not use it.")


def check_description(template, core):
    """Refuses parameters that make the description of a version too long, and names the long ones.

    Lambda would refuse it while the stack is changed. What cannot be calculated from parameters is left to it.
    """
    expressions = Expressions(template, core)
    for resource in template["Resources"].values():
        description = mapping_at(resource, "Properties").get("VersionDescription", "")
        try:
            value = expressions.value(description)
        except LookupError:
            continue
        if not isinstance(value, str) or len(value) <= _DESCRIPTION:
            continue
        match description:
            case {"Fn::Join": [_, list(parts)]}:
                pass
            case _:
                parts = [description]
        lengths = {" and ".join(expressions.used(part)): len(expressions.value(part)) for part in parts}
        # At least one is longer than an equal share.
        long = [name for name in lengths if name and lengths[name] > _DESCRIPTION // (len(parts) + 1)]
        long.sort(key=lengths.get, reverse=True)
        named = ", ".join(f"{name} ({lengths[name]} characters)" for name in long)
        advice = "\n".join(_SHORTER[name] for name in long if name in _SHORTER)
        raise Stop(
            f"the description of the function's version would have {len(value)} characters, and Lambda accepts {_DESCRIPTION}. "
            f"It has the values of parameters, so that a changed one publishes a version. Long are {named}.\n{advice}"
        )


def check_stacks(answers, entry_point):
    """Refuses what the stacks beside the core would refuse, which would be after the core is deployed."""
    api, alarms = answers.stacks.get("rest-api", {}), answers.stacks.get("alarms", {})
    if entry_point == "rest-cognito" and not (api.get("CognitoClientIds") or api.get("CognitoScopes")):
        raise Stop(
            "EntryPoint=rest-cognito needs the client ids of your apps, or scopes: "
            "PARAMETERS='CognitoClientIds=...' or PARAMETERS='CognitoScopes=...'"
        )
    if entry_point == "rest-cognito" and not api.get("CognitoUserPoolArn"):
        raise Stop("EntryPoint=rest-cognito needs a user pool: PARAMETERS='CognitoUserPoolArn=arn:...'")
    if entry_point == "rest-lambda" and api.get("AuthorizerFunctionArn") in (None, "", "none"):
        raise Stop("EntryPoint=rest-lambda needs your authorizer: PARAMETERS='AuthorizerFunctionArn=arn:...'")
    if alarms.get("AlarmEmail") and alarms.get("AlarmTopicArn"):
        raise Stop("AlarmTopicArn is in place of AlarmEmail: empty one of them, as PARAMETERS='AlarmEmail='")


def check_issuer(issuer):
    """Reads the OpenID configuration of an issuer. It is wrong if it has none, or if the document names another one."""
    if not issuer.startswith("https://"):
        raise Invalid(f"{issuer} is not an issuer: it must begin with https://")
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        with open_url(address, timeout=10) as response:
            document = json.load(response)
    except http.client.InvalidURL as error:
        raise Invalid(f"{issuer} is not an issuer: {error}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Only these say that there is no document. Others, such as 403 and 503, may concern this machine or this moment.
        if isinstance(error, urllib.error.HTTPError) and error.code in (404, 410):
            raise Invalid(f"{address} answers {error.code}, so this is not an issuer of OpenID Connect.") from None
        say(f"Note: {address} cannot be read from here ({error}). The function must be able to read it.")
        return
    named = document.get("issuer") if isinstance(document, dict) else None
    if named != issuer:
        raise Invalid(f"{address} names the issuer {named}. It must be written exactly so.")
