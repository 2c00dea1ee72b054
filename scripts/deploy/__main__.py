"""Deploys the project in the current folder to AWS. deploy.mk has a target of make for each command.

    deploy     asks what has no answer yet, builds, deploys, and streams a first run
    plan       builds and creates change sets, and executes none
    rollback   moves the alias back to the version before
    destroy    deletes the stacks of an environment
    token      prints the shared token

Variables:
    ENV=prod                    the environment of samconfig.toml; default if it is not set
    PARAMETERS="Name=Value .."  answers, which are stored; stack.Name=Value is one of deploy/stack.yaml
    ARGS="..."                  further arguments of `sam deploy`
    YES=1                       confirms what would be asked, for a rollback or deletion without a terminal
    VERSION=7                   the version to which `rollback` moves the alias
    WITH=cargo-lambda           deploys only the function: see cargo_lambda.py
"""

import os
import sys

from botocore.exceptions import BotoCoreError, ClientError

import cargo_lambda
from account import Account, message_of, need
from destroy import destroy
from first_run import Caller, read_token
from project import Project
from questions import Interview
from rollback import check_is_newest, rollback
from stacks import UNUSED, Stacks, command
from terminal import Stop, confirm, has_terminal, heading, say, split_words

COMMANDS = ("deploy", "plan", "rollback", "destroy", "token")
# What all steps of a deployment must use, and so cannot be an argument of one of them.
INSTEAD_OF_ARGUMENTS = {
    "--region": "set region in samconfig.toml",
    "--profile": "set profile in samconfig.toml",
    "--stack-name": "set stack_name in samconfig.toml",
    "--config-env": "set ENV",
    "--parameter-overrides": "set PARAMETERS",
}


def main(name):
    """Runs one command."""
    if name not in COMMANDS:
        raise Stop(f"the command must be one of {', '.join(COMMANDS)}")
    tool = os.environ.get("WITH") or "sam"
    if tool not in ("sam", "cargo-lambda"):
        raise Stop(f"WITH is {tool}; it must be sam or cargo-lambda")
    agreed = os.environ.get("YES") in ("1", "yes", "true")
    if tool == "cargo-lambda":
        if name not in ("deploy", "rollback"):
            raise Stop("WITH=cargo-lambda has only deploy and rollback, because there is no stack")
        if name == "deploy":
            cargo_lambda.deploy()
        else:
            account = Account()
            account.check_credentials()
            rollback(account, cargo_lambda.alias(), os.environ.get("VERSION"), agreed, "make rollback WITH=cargo-lambda")
        return
    if name in ("deploy", "plan"):
        need("cargo", "cc", "sam", "cargo-lambda")
    project = Project(os.environ.get("ENV") or "default")
    account = Account(project.region(), project.setting("profile"))
    if name not in ("deploy", "plan"):
        account.check_credentials()
    stacks = Stacks(project, account, sam_arguments())
    match name:
        case "deploy":
            deploy(project, account, stacks, agreed)
        case "plan":
            plan(project, account, stacks)
        case "destroy":
            destroy(project, stacks, agreed)
        case "rollback":
            alias = deployed(project, stacks, "AliasArn")
            rollback(account, alias, os.environ.get("VERSION"), agreed, command("rollback", project))
        case "token":
            print(read_token(account, deployed(project, stacks, "TokenSecretArn")))


def sam_arguments():
    """Returns the further arguments of `sam deploy`."""
    arguments = split_words("ARGS", os.environ.get("ARGS", ""))
    for word in arguments:
        name = word.partition("=")[0]
        if name in INSTEAD_OF_ARGUMENTS:
            raise Stop(f"ARGS has {name}, which only `sam deploy` would use: {INSTEAD_OF_ARGUMENTS[name]} instead")
    return arguments


def interview(project, account, stacks, can_ask):
    """Collects the answers. Without a terminal they are checked before credentials are needed."""
    questions = Interview(project, account)
    questions.take(os.environ.get("PARAMETERS", ""))
    if can_ask:
        show_account(project, account, stacks)
    answers = questions.complete(can_ask)
    stacks.check_parameters(answers)
    if not can_ask:
        show_account(project, account, stacks)
    questions.check_issuer()
    questions.check_model()
    return answers


def show_account(project, account, stacks):
    """Prints where is deployed and by whom, which needs credentials, and refuses stacks that cannot be updated."""
    say(f"Stack {project.stack}, account {account.id}, {account.region}, as {account.caller}")
    stacks.check_state()


def deploy(project, account, stacks, agreed):
    """Deploys one environment and tries it."""
    answers = interview(project, account, stacks, has_terminal())
    unused = stacks.unused(answers)
    for stack in unused:
        reason, keep = UNUSED[stack]
        say(f"\nThe stack {stacks.name(stack)} {reason}")
        if not agreed and not (has_terminal() and confirm("Delete it when the rest is deployed?")):
            raise Stop(f"{stacks.name(stack)} is not used any more: add YES=1 to delete it, or {keep}")
    project.store(account.region, answers.core, answers.stacks)
    stacks.build(answers)
    stacks.deploy(answers, unused=unused)
    check_is_newest(account, deployed(project, stacks, "AliasArn"), command("rollback", project))
    caller = Caller(project, account, answers, stacks.outputs(), stacks.url(answers))
    caller.try_it()
    caller.next_steps()


def plan(project, account, stacks):
    """Shows what a deployment would change."""
    answers = interview(project, account, stacks, can_ask=False)
    for stack in stacks.unused(answers):
        say(f"The stack {stacks.name(stack)} would be deleted. It {UNUSED[stack][0]}")
    stacks.build(answers)
    stacks.deploy(answers, plan=True)
    heading("Nothing was changed")
    say(f"To deploy it: {command('deploy', project)}")


def deployed(project, stacks, name):
    """Returns an output of the core, which must be deployed."""
    outputs = stacks.outputs()
    if not outputs:
        raise Stop(f"there is no stack {stacks.name()} in {stacks.account.region}: run {command('deploy', project)}")
    if name not in outputs:
        raise Stop(f"the stack {stacks.name()} has no output {name}: add it to template.yaml, under Outputs, and deploy again")
    return outputs[name]


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) == 2 else "")
    except Stop as stop:
        sys.stdout.flush()
        say(f"\ndeploy: {stop}", sys.stderr)
        sys.exit(1)
    except (BotoCoreError, ClientError) as error:
        say(f"\ndeploy: AWS refused: {message_of(error)}", sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ndeploy: stopped", file=sys.stderr)
        sys.exit(130)
