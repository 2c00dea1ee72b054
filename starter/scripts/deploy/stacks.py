"""The stacks of one environment: the core from template.yaml, and those in deploy/ that take its outputs."""

import os
import subprocess

from botocore.exceptions import ClientError

from account import code_of, message_of
from entry_points import STACKS
from expressions import Expressions
from project import CONFIG, TEMPLATE, is_built
from rules import broken_rule
from terminal import Stop, has_terminal, heading, say

# The order in which stacks are deployed: a later one may need outputs of an earlier one.
ORDER = ["rest-api", "cloudfront", "alarms", "rotation"]

_OLD_ENTRY_POINT = (
    "serves an entry point that you do not use any more. Callers could still use it.",
    "choose its entry point again",
)
# What a stack that is not wanted any more has, and how it can be kept.
UNUSED = {
    "rest-api": _OLD_ENTRY_POINT,
    "cloudfront": _OLD_ENTRY_POINT,
    "alarms": ("has the alarms and the dashboard, and AlarmEmail is empty now.", "give an address: PARAMETERS='AlarmEmail=...'"),
}


class Stacks:
    """Builds and deploys the stacks of an environment with SAM, and reads their outputs."""

    def __init__(self, project, account, arguments=()):
        self.project = project
        self.account = account
        self.arguments = list(arguments)
        self.cloudformation = account.client("cloudformation")

    def name(self, stack=None):
        """Returns the name of the core's stack, or of one beside it."""
        return f"{self.project.stack}-{stack}" if stack else self.project.stack

    def describe(self, stack=None):
        """Returns what CloudFormation has about a stack, or None before it exists."""
        try:
            return self.cloudformation.describe_stacks(StackName=self.name(stack))["Stacks"][0]
        except ClientError as error:
            if "does not exist" in message_of(error):
                return None
            raise Stop(f"the stack {self.name(stack)} cannot be read: {message_of(error)}") from None

    def outputs(self, stack=None):
        """Returns the outputs of a stack, of which there are none before it is deployed."""
        described = self.describe(stack) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def check_state(self):
        """Refuses to deploy over a stack that CloudFormation cannot update."""
        for stack in [None, *ORDER]:
            described = self.describe(stack)
            status = described["StackStatus"] if described else ""
            if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
                # `make destroy` would delete the core too, with its secrets and table.
                delete = self._aws("delete-stack", stack)
                raise Stop(
                    f"the stack {self.name(stack)} is {status}, so it cannot be updated. Look at its events, and delete "
                    + (f"this stack:\n{delete}" if stack else f"what is there: {command('destroy', self.project)}")
                )
            if status == "UPDATE_ROLLBACK_FAILED":
                raise Stop(
                    f"the stack {self.name(stack)} is {status}. Look at its events, correct what failed, and run\n"
                    + self._aws("continue-update-rollback", stack)
                )
            if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
                raise Stop(f"the stack {self.name(stack)} is {status}: another deployment is at work. Wait until it ends")

    def _aws(self, operation, stack):
        """Returns the lines of a command of the AWS CLI for a stack. The shell may have another region, or none."""
        return f"  aws cloudformation {operation} \\\n    --region {self.account.region} --stack-name {self.name(stack)}"

    def wanted(self, answers):
        """Returns the stacks beside the core that these answers need, in the order of their deployment."""
        entry = STACKS.get(answers.core.get("EntryPoint") or self.project.default("EntryPoint"))
        names = [name for name, values in answers.stacks.items() if name not in STACKS.values()]
        # Alarms that nobody receives are not wanted.
        receivers = [answers.value(name, "alarms") for name in ("AlarmEmail", "AlarmTopicArn")]
        wanted = {name for name in names if name != "alarms" or any(receivers)}
        wanted |= {entry} if entry else set()
        unknown = sorted(wanted - set(self.project.stacks()))
        if unknown:
            raise Stop(f"there is no {self.project.stack_path(unknown[0])}, which this deployment needs")
        return sorted(wanted, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))

    def unused(self, answers):
        """Returns the deployed stacks that these answers do not want any more, of those in UNUSED."""
        wanted = self.wanted(answers)
        return [stack for stack in UNUSED if stack not in wanted and self._exists(self.describe(stack))]

    @staticmethod
    def _exists(described):
        """Whether a stack was deployed. A change set alone leaves an empty stack in review."""
        return bool(described) and described["StackStatus"] != "REVIEW_IN_PROGRESS"

    def check_parameters(self, answers):
        """Refuses parameters that CloudFormation would refuse in any of the stacks, before the first one is changed."""
        outputs = {}
        for stack in [None, *self.wanted(answers)]:
            template, path = self.project.template, TEMPLATE
            given, prefix = answers.core, ""
            if stack:
                prefix = f"{stack}."
                template, path = self.project.read_stack(stack), self.project.stack_path(stack)
                given = {**answers.core, **answers.stacks.get(stack, {})}
            for name in self._missing(template, {**outputs, **given}):
                raise Stop(f"{path} needs {name}: PARAMETERS='{prefix}{name}=...'")
            values = {name: value for name, value in given.items() if name in template["Parameters"]}
            for name, value in values.items():
                reason = self.project.check_parameter(name, value, template)
                if reason:
                    raise Stop(f"{path} refuses {name}: {reason}")
            expressions = Expressions(template, values)
            # What an earlier stack will return replaces a default, and is not known yet.
            for name in outputs.keys() - values.keys():
                expressions.parameters.pop(name, None)
            reason = broken_rule(expressions)
            if reason:
                raise Stop(
                    f"{path} refuses these parameters: {reason}\nPARAMETERS='{prefix}Name=Value ...' changes answers. An "
                    f"answer is removed by PARAMETERS='{prefix}Name='"
                )
            outputs |= template["Outputs"]

    def build(self, answers):
        """Builds the core, and the stacks beside it that have functions of their own."""
        heading("Building (the first time takes some minutes)")
        # SAM passes no flags to cargo, so the lockfile is checked before.
        if subprocess.run(["cargo", "metadata", "--locked", "--format-version", "1"], stdout=subprocess.DEVNULL).returncode:
            raise Stop("Cargo.lock is not up to date: run `cargo check` and commit the file")
        self._sam("build", "--config-env", self.project.environment)
        for stack in self.wanted(answers):
            if is_built(self.project.read_stack(stack)):
                self._sam("build", "--template", str(self.project.stack_path(stack)), "--build-dir", f".aws-sam/{stack}")

    def deploy(self, answers, plan=False, unused=()):
        """Deploys the core and the stacks beside it, and then deletes those that are not used any more.

        `plan` creates change sets and executes none.
        """
        account = f"account {self.account.id}, {self.account.region}"
        verb = "Planning" if plan else "Deploying"
        heading(f"{verb} {self.name()} in {account}")
        self._sam_deploy(None, plan, "--parameter-overrides", self._words(self.project.template, answers.core))
        # What a plan reads are the outputs of the core before its change.
        known = {**self.outputs(), **answers.core}
        for stack in self.wanted(answers):
            heading(f"{verb} {self.name(stack)} in {account}")
            template = self.project.read_stack(stack)
            values = {**known, **answers.stacks.get(stack, {})}
            if plan and self._missing(template, values):
                say("Its plan needs outputs of the core or of another stack, which are not there before a deployment.")
                continue
            for name in self._missing(template, values):
                raise Stop(f"{stack} needs {name}: PARAMETERS='{stack}.{name}=...'")
            parameters = self._words(template, values)
            path = f".aws-sam/{stack}/template.yaml" if is_built(template) else self.project.stack_path(stack)
            self._sam_deploy(stack, plan, "--template-file", str(path), "--stack-name", self.name(stack),
                             "--parameter-overrides", parameters)  # fmt: skip
            known = {**self.outputs(stack), **known}
        for stack in unused:
            self.delete(stack)

    @staticmethod
    def _words(template, values):
        """Returns the parameters of a template as SAM reads them. It would keep the value before of one that is not named."""
        defaults = {name: _text(declared["Default"]) for name, declared in template["Parameters"].items() if "Default" in declared}
        known = {**defaults, **values}
        return " ".join(_word(name, known[name]) for name in template["Parameters"] if name in known)

    @staticmethod
    def _missing(template, known):
        """Returns the parameters of a template that have neither a value nor a default."""
        return [name for name, declared in template["Parameters"].items() if name not in known and "Default" not in declared]

    def _open_change_sets(self, stack):
        """Returns the change sets of a stack that could be executed. Executing one removes the others."""
        try:
            pages = self.cloudformation.get_paginator("list_change_sets").paginate(StackName=self.name(stack))
            listed = [made for page in pages for made in page["Summaries"]]
        except ClientError:
            return set()
        return {made["ChangeSetId"] for made in listed if made.get("ExecutionStatus") == "AVAILABLE"}

    def _sam_deploy(self, stack, plan, *arguments):
        # SAM would look for the file beside the template.
        chosen = ["--config-file", str(CONFIG.absolute()), "--no-fail-on-empty-changeset"]
        if plan:
            chosen.append("--no-execute-changeset")
        if plan or not has_terminal():
            chosen.append("--no-confirm-changeset")
        asks = not plan and has_terminal()
        before = self._open_change_sets(stack) if asks else set()
        self._sam("deploy", "--config-env", self.project.environment, *chosen, *arguments, *self.arguments)
        # SAM also succeeds if its question about the changes is answered with no.
        declined = asks and self._open_change_sets(stack) - before
        if not plan and (declined or not self._exists(self.describe(stack))):
            raise Stop(f"nothing was deployed to {self.name(stack)}: its change set was not executed")

    def _sam(self, *arguments):
        """Runs SAM. It prints by itself, and its events say why something failed."""
        region = self.account.region
        environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if subprocess.run(["sam", *arguments], env=environment).returncode:
            raise Stop(f"`sam {arguments[0]}` failed; its lines above say why")

    def url(self, answers):
        """Returns the URL that callers use."""
        entry = STACKS.get(answers.core.get("EntryPoint") or self.project.default("EntryPoint"))
        outputs = self.outputs(entry)
        if "Url" not in outputs:
            raise Stop(f"the stack {self.name(entry)} has no output Url")
        return outputs["Url"]

    def delete(self, stack=None):
        """Deletes a stack and waits until it is gone."""
        say(f"Deleting {self.name(stack)}")
        try:
            self.cloudformation.delete_stack(StackName=self.name(stack))
            self.cloudformation.get_waiter("stack_delete_complete").wait(
                StackName=self.name(stack), WaiterConfig={"Delay": 5, "MaxAttempts": 720}
            )
        except Exception as error:
            if code_of(error) in ("AccessDenied", "AccessDeniedException"):
                raise Stop(
                    f"you may not delete the stack {self.name(stack)}: cloudformation:DeleteStack is denied. Somebody with "
                    f"this permission must run\n{self._aws('delete-stack', stack)}"
                ) from None
            raise Stop(f"the stack {self.name(stack)} was not deleted: {error}. Its events say which resource failed") from None


def _text(default):
    """Returns a default as CloudFormation reads it."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _word(name, value):
    """Returns a parameter as SAM reads it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def command(name, project):
    """Returns a command of this project as it is typed."""
    environment = "" if project.environment == "default" else f" ENV={project.environment}"
    return f"make {name}{environment}"
