"""CloudFormation: stacks that are complete at once, and change sets that are compared by template and parameters."""

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import yaml

from .functions import publish
from .state import ACCOUNT, REGION, TIME, TOKEN_ARN, Refused, state

sys.path.append(str(Path(__file__).resolve().parents[3] / "scripts/deploy"))
from expressions import Expressions, parse  # noqa: E402

BUCKET = "aws-sam-cli-managed-default-bucket"


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's YAML without its functions."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stack_id(name):
    return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/1"


def stack_named(name):
    name = name.split("/")[1] if name.startswith("arn:") else name
    if name == "aws-sam-cli-managed-default":
        outputs = {"SourceBucket": BUCKET}
        return name, {"status": "CREATE_COMPLETE", "outputs": outputs, "tags": {"ManagedStackSource": "AwsSamCli"}}
    if name not in state["stacks"]:
        raise Refused("ValidationError", f"Stack with id {name} does not exist")
    return name, state["stacks"][name]


def outputs_of(name, template, parameters, base):
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}-Agent"
    entry_point = parameters.get("EntryPoint", "")
    # The path says which service would answer at the URL.
    path = next((path for path in ("rest-api", "cloudfront") if name.endswith(path)), "url")
    known = {
        "Url": f"{base}/{path}/",
        "FunctionName": f"{name}-Agent",
        "AliasArn": f"{arn}:live",
        "TokenSecretArn": TOKEN_ARN,
        "EntryPoint": entry_point,
    }
    named = {output: known.get(output, f"{output} of {name}") for output in template.get("Outputs", {})}
    if "AliasArn" in named and entry_point.startswith("rest-"):
        named.pop("Url", None)
    return named


def change_set(fields, base):
    name = fields["StackName"]
    text = fields.get("TemplateBody") or state["objects"][urlsplit(fields["TemplateURL"]).path]
    template = yaml.load(text, Loader=Loader)
    declared = template.get("Parameters", {})
    parameters = {key: str(value.get("Default", "")) for key, value in declared.items() if "Default" in value}
    at = 1
    while f"Parameters.member.{at}.ParameterKey" in fields:
        prefix = f"Parameters.member.{at}"
        key = fields[f"{prefix}.ParameterKey"]
        if key not in declared:
            raise Refused("ValidationError", f"Parameters: [{key}] do not exist in the template")
        if fields.get(f"{prefix}.UsePreviousValue") == "true":
            parameters[key] = state["stacks"][name]["parameters"].get(key, "")
        else:
            parameters[key] = fields.get(f"{prefix}.ParameterValue", "")
        at += 1
    missing = [key for key in declared if key not in parameters]
    if missing:
        raise Refused("ValidationError", f"Parameters: {missing} must have values")
    # A change set of a new stack creates it, empty and in review.
    empty = {"status": "REVIEW_IN_PROGRESS", "template": "", "parameters": {}, "outputs": {}, "types": [], "changed": now()}
    before = state["stacks"].setdefault(name, empty)
    is_empty = (before["template"], before["parameters"]) == (text, parameters)
    key = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{fields['ChangeSetName']}/{name}"
    state["change_sets"][key] = {
        "stack": name,
        "template": text,
        "parameters": parameters,
        "status": "FAILED" if is_empty else "CREATE_COMPLETE",
        "reason": "The submitted information didn't contain changes." if is_empty else "",
        "executed": False,
        "types": [resource["Type"] for resource in template["Resources"].values()],
        "outputs": outputs_of(name, template, parameters, base),
        "role": fields.get("RoleARN"),
    }
    return f"<Id>{key}</Id><StackId>{stack_id(name)}</StackId>"


def check_descriptions(expressions):
    """Refuses a version whose description is too long. Lambda does that while the stack is changed."""
    for resource in expressions.template["Resources"].values():
        description = expressions.value(resource.get("Properties", {}).get("VersionDescription", ""))
        if len(description) > 256:
            limit = "failed to satisfy constraint: Member must have length less than or equal to 256"
            raise Refused("ValidationException", f"Value '{description}' at 'description' {limit}")


def execute(fields):
    wanted = fields["ChangeSetName"]
    found = state["change_sets"].get(wanted) or next(
        made for key, made in state["change_sets"].items() if f"/{wanted}/" in key and made["stack"] == fields.get("StackName")
    )
    check_descriptions(Expressions(parse(found["template"]), found["parameters"]))
    found["executed"] = True
    name = found["stack"]
    status = "CREATE_COMPLETE" if state["stacks"][name]["status"] == "REVIEW_IN_PROGRESS" else "UPDATE_COMPLETE"
    kept = {key: found[key] for key in ("template", "parameters", "outputs", "types", "role")}
    state["stacks"][name] = {**kept, "status": status, "changed": now()}
    for logical, resource in yaml.load(found["template"], Loader=Loader)["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            code = hashlib.sha256(str(resource["Properties"]["CodeUri"]).encode()).hexdigest()
            function = state["functions"].setdefault(f"{name}-{logical}", {"versions": [], "aliases": {}})
            if not function["versions"] or function["versions"][-1]["CodeSha256"] != code:
                publish(function, code)
                function["aliases"]["live"] = function["versions"][-1]["Version"]
    return ""


def deploy(base, name, template, parameters, is_executed):
    """What `sam deploy` does."""
    fields = {"StackName": name, "TemplateBody": template, "ChangeSetName": "played"}
    for at, (key, value) in enumerate(parameters.items(), 1):
        fields |= {f"Parameters.member.{at}.ParameterKey": key, f"Parameters.member.{at}.ParameterValue": value}
    change_set(fields, base)
    made = state["change_sets"][f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/played/{name}"]
    if is_executed and made["status"] == "CREATE_COMPLETE":
        execute({"ChangeSetName": "played", "StackName": name})


def describe_change_set(fields):
    wanted = fields["ChangeSetName"]
    key, found = next((key, made) for key, made in state["change_sets"].items() if wanted in (key, key.split("/")[1]))
    changes = "".join(
        f"<member><Type>Resource</Type><ResourceChange><Action>Add</Action><LogicalResourceId>{kind.split(':')[-1]}</LogicalResourceId>"
        f"<ResourceType>{kind}</ResourceType><Replacement>False</Replacement></ResourceChange></member>"
        for kind in found["types"]
    )
    return (
        f"<ChangeSetId>{key}</ChangeSetId><StackId>{stack_id(found['stack'])}</StackId><Status>{found['status']}</Status>"
        f"<StatusReason>{escape(found['reason'])}</StatusReason><ExecutionStatus>AVAILABLE</ExecutionStatus>"
        f"<Changes>{changes}</Changes>"
    )


def list_change_sets(name):
    members = ""
    for key, made in state["change_sets"].items():
        if made["stack"] == name:
            available = "EXECUTE_COMPLETE" if made["executed"] else "UNAVAILABLE" if made["status"] == "FAILED" else "AVAILABLE"
            members += f"<member><ChangeSetId>{key}</ChangeSetId><ExecutionStatus>{available}</ExecutionStatus></member>"
    return f"<Summaries>{members}</Summaries>"


def describe_stack(name, stack):
    outputs = "".join(
        f"<member><OutputKey>{key}</OutputKey><OutputValue>{escape(value)}</OutputValue></member>"
        for key, value in stack["outputs"].items()
    )
    parameters = "".join(
        f"<member><ParameterKey>{key}</ParameterKey><ParameterValue>{escape(value)}</ParameterValue></member>"
        for key, value in stack.get("parameters", {}).items()
    )
    tags = "".join(f"<member><Key>{key}</Key><Value>{value}</Value></member>" for key, value in stack.get("tags", {}).items())
    return (
        f"<Stacks><member><StackName>{name}</StackName><StackId>{stack_id(name)}</StackId><CreationTime>{TIME}</CreationTime>"
        f"<StackStatus>{stack['status']}</StackStatus><Outputs>{outputs}</Outputs><Parameters>{parameters}</Parameters>"
        f"<Tags>{tags}</Tags></member></Stacks>"
    )


def cloudformation(action, fields, base):
    match action:
        case "DescribeStacks":
            return describe_stack(*stack_named(fields["StackName"]))
        case "CreateChangeSet":
            return change_set(fields, base)
        case "DescribeChangeSet":
            return describe_change_set(fields)
        case "ListChangeSets":
            return list_change_sets(fields["StackName"])
        case "ExecuteChangeSet":
            return execute(fields)
        case "DeleteStack":
            state["stacks"].pop(fields["StackName"].split("/")[-1], None)
            return ""
        case "ContinueUpdateRollback":
            state["stacks"][fields["StackName"]]["status"] = "UPDATE_ROLLBACK_COMPLETE"
            return ""
        case "DescribeStackEvents":
            name, stack = stack_named(fields["StackName"])
            return (
                f"<StackEvents><member><EventId>{stack['changed']}</EventId><StackId>{stack_id(name)}</StackId><StackName>{name}</StackName>"
                f"<PhysicalResourceId>{stack_id(name)}</PhysicalResourceId><LogicalResourceId>{name}</LogicalResourceId>"
                f"<ResourceType>AWS::CloudFormation::Stack</ResourceType><ResourceStatus>{stack['status']}</ResourceStatus>"
                f"<Timestamp>{stack['changed']}</Timestamp></member></StackEvents>"
            )
        case "ListStackResources":
            _, stack = stack_named(fields["StackName"])
            members = "".join(
                f"<member><LogicalResourceId>r</LogicalResourceId><ResourceType>{kind}</ResourceType>"
                f"<ResourceStatus>CREATE_COMPLETE</ResourceStatus><LastUpdatedTimestamp>{TIME}</LastUpdatedTimestamp></member>"
                for kind in stack["types"]
            )
            return f"<StackResourceSummaries>{members}</StackResourceSummaries>"
        case "GetTemplateSummary":
            _, stack = stack_named(fields["StackName"])
            members = "".join(f"<member><ParameterKey>{key}</ParameterKey></member>" for key in stack["parameters"])
            return f"<Parameters>{members}</Parameters>"
    raise Refused("NotPlayed", action, 501)
