"""`make destroy`: deletes the stacks of one environment, after it has listed what is lost."""

from botocore.exceptions import BotoCoreError, ClientError

from account import message_of
from project import CONFIG
from stacks import ORDER
from terminal import Stop, has_terminal, heading, say

LOST = {
    "AWS::Lambda::Url": "the URL. A new deployment gets another one",
    "AWS::ApiGateway::RestApi": "the REST API and its URL. A new deployment gets another one",
    "AWS::CloudFront::Distribution": "the CloudFront distribution and its domain name",
    "AWS::SecretsManager::Secret": "secrets. Copies of the token and open approvals become invalid",
    "AWS::DynamoDB::Table": "the table of used approvals and of budgets",
    "AWS::Logs::LogGroup": "log groups with all their lines",
    "AWS::Lambda::Function": "functions with all their versions",
    "AWS::CloudWatch::Alarm": "alarms",
}


def destroy(project, stacks, agreed):
    """Deletes the stacks beside the core first, because they refer to it."""
    names = [*reversed([*ORDER, *sorted(set(project.stacks()) - set(ORDER))]), None]
    existing = [name for name in names if stacks.describe(name)]
    if not existing:
        say(f"There is no stack {stacks.name()} in {stacks.account.region}, so nothing was deleted.")
        return
    heading(f"Deleting in account {stacks.account.id}, {stacks.account.region}: what is lost")
    for name in existing:
        say(stacks.name(name))
        for line in _lost(stacks, stacks.name(name)):
            say(f"  {line}")
    say(f"It cannot be undone. {CONFIG} with your answers stays, and so does the bucket in which SAM keeps builds.")
    if not agreed:
        if not has_terminal():
            raise Stop("there is no terminal to confirm it: add YES=1")
        try:
            typed = input(f"Type the name of the stack to delete all this ({stacks.name()}): ").strip()
        except EOFError:
            typed = ""
            say("")
        if typed != stacks.name():
            say("Nothing was deleted.")
            return
    for name in existing:
        stacks.delete(name)
    say("Everything is deleted.")


def _lost(stacks, name):
    """Describes the resources of a stack that hold something."""
    try:
        pages = stacks.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        types = [resource["ResourceType"] for page in pages for resource in page["StackResourceSummaries"]]
    except (BotoCoreError, ClientError) as error:
        return [f"its resources cannot be listed: {message_of(error)}"]
    return [f"{types.count(kind)} x {kind.rpartition('::')[2]}: {text}" for kind, text in LOST.items() if kind in types]
