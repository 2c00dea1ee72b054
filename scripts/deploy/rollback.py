"""`make rollback`: moves the alias back to an earlier version of the function.

A version has the code, the settings and the memory of one deployment. The role, the secrets, the table and the other stacks
stay as they are. The next deployment of a change moves the alias to its new version.
"""

import textwrap

from botocore.exceptions import ClientError

from account import message_of
from terminal import Stop, confirm, has_terminal, heading, say


def read_versions(client, function, alias):
    """Returns the version of the alias, and all versions of the function by their number."""
    try:
        current = client.get_alias(FunctionName=function, Name=alias)["FunctionVersion"]
        pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
        listed = [version for page in pages for version in page["Versions"]]
    except ClientError as error:
        raise Stop(f"the versions of {function} cannot be read: {message_of(error)}") from None
    return current, {version["Version"]: version for version in listed if version["Version"] != "$LATEST"}


def check_is_newest(account, alias_arn, command):
    """Stops if the alias was moved back, and the deployment had no change that would have moved it forward.

    `command` is the one that moves it forward.
    """
    function, _, alias = alias_arn.rpartition(":")
    current, versions = read_versions(account.client("lambda"), function, alias)
    newest = max(versions, key=int)
    if int(current) < int(newest):
        raise Stop(
            f"what you have deployed is version {newest} of the function, and {alias} is at version {current}: it was moved back, "
            f"and nothing has changed since. To move it forward: {command} VERSION={newest}"
        )


def rollback(account, alias_arn, wanted, agreed, command):
    """Moves the alias to the version before the current one, or to `wanted`, after a confirmation.

    `command` is what was typed, so that the way forward again can be printed.
    """
    function, _, alias = alias_arn.rpartition(":")
    client = account.client("lambda")
    current, versions = read_versions(client, function, alias)
    older = [number for number in versions if int(number) < int(current)]
    target = wanted or (max(older, key=int) if older else None)
    if target is None:
        raise Stop(f"version {current} is the oldest one")
    if target not in versions:
        raise Stop(f"there is no version {target}. There are: {', '.join(sorted(versions, key=int))}")
    if target == current:
        raise Stop(f"the alias {alias} is at version {target} already")

    heading(f"The alias {alias} of {function.rpartition(':')[2]} in account {account.id}, {account.region}")
    for name, number in (("now", current), ("then", target)):
        version = versions.get(number, {})
        published, code = version.get("LastModified", "")[:19], version.get("CodeSha256", "")[:12]
        say(f"  {name:<4}  version {number}, published {published}, code {code}")
        for line in textwrap.wrap(version.get("Description") or "", 72):
            say(f"        {line}")
    say("Settings go back too, as they are part of a version. The role, the secrets and the table stay.")
    if not agreed:
        if not has_terminal():
            raise Stop("there is no terminal to confirm it: add YES=1")
        if not confirm(f"Move {alias} to version {target}?"):
            say("Nothing was changed.")
            return
    try:
        # Without weights, which a deployment in steps may have left.
        client.update_alias(FunctionName=function, Name=alias, FunctionVersion=target, RoutingConfig={})
    except ClientError as error:
        raise Stop(f"the alias was not moved: {message_of(error)}") from None
    say(
        f"The alias {alias} is at version {target} now. Runs that have begun end in the version that they began in.\n"
        f"Forward again: {command} VERSION={current}"
    )
