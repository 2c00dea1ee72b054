"""Checks of answers that depend on each other or on a service, before anything is built."""

import http.client
import json
import urllib.error
import urllib.request

from entry_points import CALLERS
from terminal import Stop, say


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
        with urllib.request.urlopen(address, timeout=10) as response:
            document = json.load(response)
    except urllib.error.HTTPError as error:
        raise Invalid(f"{address} answers {error.code}, so this is not an issuer of OpenID Connect.") from None
    except http.client.InvalidURL as error:
        raise Invalid(f"{issuer} is not an issuer: {error}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        say(f"Note: {address} cannot be read from here ({error}). The function must be able to read it.")
        return
    named = document.get("issuer") if isinstance(document, dict) else None
    if named != issuer:
        raise Invalid(f"{address} names the issuer {named}. It must be written exactly so.")
