"""As much of an AWS account as deploying needs: CloudFormation, S3, STS, Secrets Manager, Lambda, Bedrock, and the agent itself.

Prints its URL, serves until its standard input ends, and keeps everything in memory. Tests read the state at `GET /_state` and
change it with `POST /_have`, which adds members. `POST /_play` changes what is played: `bedrock` has the code and message with
which a model is refused; `agent` is the status with which the agent refuses, `end` the last event of its run; `denied` lists
actions. Change sets are compared by template and parameters, a deployed function gets a version for each new code, and signatures
are calculated again. Stacks are complete at once.
"""

import hashlib
import json
import re
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCOUNT, REGION = "123456789012", "eu-central-1"
TOKEN = "sample-token"
TOKEN_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:SharedToken-AbCdEfGhIjKl-Zx1234"
TIME = "2026-11-27T12:00:00.000Z"
BUCKET = "aws-sam-cli-managed-default-bucket"

state = {
    "calls": [],
    "stacks": {},
    "change_sets": {},
    "objects": {},
    "functions": {},
    "secrets": {TOKEN_ARN: json.dumps({"token": TOKEN})},
    "runs": 0,
    "play": {},
}
lock = threading.RLock()


class Refused(Exception):
    """An error of AWS."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's YAML without its functions."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


# CloudFormation.


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


def execute(fields):
    wanted = fields["ChangeSetName"]
    found = state["change_sets"].get(wanted) or next(
        made for key, made in state["change_sets"].items() if f"/{wanted}/" in key and made["stack"] == fields.get("StackName")
    )
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
            return "<Parameters></Parameters>"
    raise Refused("NotPlayed", action, 501)


# Lambda.


def publish(function, code):
    number = str(len(function["versions"]) + 1)
    function["versions"].append({"Version": number, "CodeSha256": code, "LastModified": TIME})
    return function["versions"][-1]


def function_named(name):
    name = name.split(":")[-1]
    if name not in state["functions"]:
        raise Refused("ResourceNotFoundException", f"Function not found: {name}", 404)
    return state["functions"][name]


def found_in(place, key, what):
    if key not in place:
        raise Refused("ResourceNotFoundException", f"no {what}", 404)
    return place[key]


def statement(fields):
    conditions = {}
    if fields.get("FunctionUrlAuthType"):
        conditions["StringEquals"] = {"lambda:FunctionUrlAuthType": fields["FunctionUrlAuthType"]}
    if fields.get("InvokedViaFunctionUrl"):
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
    limits = {"Condition": conditions} if conditions else {}
    made = {"Sid": fields["StatementId"], "Effect": "Allow", "Principal": fields["Principal"], "Action": fields["Action"]}
    return {**made, **limits}


def lambda_api(method, path, query, body):
    _, name, *rest = path.split("/functions/")[0:1] + path.split("/functions/")[1].split("/")
    function = function_named(unquote(name))
    qualifier = query.get("Qualifier", "")
    match [method, *rest]:
        case ["GET"]:
            return {"Configuration": {"LastUpdateStatus": "Successful", "State": "Active"}}
        case ["GET", "configuration"]:
            return {"FunctionName": name, "LastUpdateStatus": "Successful"}
        case ["PUT", "configuration"]:
            function["configuration"] = body
            return {}
        case ["GET", "versions"]:
            return {"Versions": [{"Version": "$LATEST"}, *function["versions"]]}
        case ["POST", "versions"]:
            return publish(function, "cargo-lambda")
        case ["GET", "aliases", alias]:
            return {"Name": alias, "FunctionVersion": found_in(function["aliases"], alias, "alias")}
        case ["POST", "aliases"]:
            function["aliases"][body["Name"]] = body["FunctionVersion"]
            return {}
        case ["PUT", "aliases", alias]:
            function["aliases"][alias] = body["FunctionVersion"]
            return {}
        case ["GET", "url"]:
            return found_in(function.setdefault("urls", {}), qualifier, "URL")
        case ["POST" | "PUT", "url"]:
            urls = function.setdefault("urls", {})
            before = urls.get(qualifier, {"FunctionUrl": f"https://{qualifier or 'old'}.lambda-url.example/"})
            urls[qualifier] = {**before, **body}
            return urls[qualifier]
        case ["GET", "policy"]:
            if "lambda:GetPolicy" in state["play"].get("denied", []):
                raise Refused("AccessDeniedException", "not authorized to perform: lambda:GetPolicy", 403)
            statements = function.get("policies", {}).get(qualifier)
            if not statements:
                raise Refused("ResourceNotFoundException", "no policy", 404)
            return {"Policy": json.dumps({"Statement": statements})}
        case ["POST", "policy"]:
            function.setdefault("policies", {}).setdefault(qualifier, []).append(statement(body))
            return {}
        case ["DELETE", "policy", sid]:
            policies = function["policies"]
            policies[qualifier] = [kept for kept in policies[qualifier] if kept["Sid"] != unquote(sid)]
            return {}
    raise Refused("NotPlayed", f"{method} {path}", 501)


def cargo_lambda(call):
    """What `cargo lambda deploy` does. `older` is a release that left a URL and permissions for everybody."""
    function = state["functions"].setdefault(call["name"], {"versions": [], "aliases": {}})
    function["settings"] = call["settings"]
    if call["older"] and "urls" not in function:
        function["urls"] = {"": {"AuthType": "NONE", "InvokeMode": "BUFFERED", "FunctionUrl": "https://old.lambda-url.example/"}}
        by_url = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
        turned = {"Bool": {"lambda:InvokedViaFunctionUrl": "false"}}
        made = [
            ("FunctionUrlAllowPublicAccess-1", "lambda:InvokeFunctionUrl", "*", by_url),
            ("old", "lambda:InvokeFunction", "*", None),
            ("listed", "lambda:InvokeFunction", {"AWS": ["*"]}, None),
            ("turned", "lambda:InvokeFunction", "*", turned),
            ("reader", "lambda:GetFunction", "*", None),
        ]
        function["policies"] = {
            "": [
                {"Sid": sid, "Effect": "Allow", "Principal": who, "Action": action, **({"Condition": limit} if limit else {})}
                for sid, action, who, limit in made
            ]
        }
    return {}


# The others.


def secrets_manager(action, fields):
    found = next((arn for arn in state["secrets"] if fields["SecretId"] in (arn, arn.split(":")[-1][:-7])), None)
    if f"secretsmanager:{action}" in state["play"].get("denied", []):
        raise Refused("AccessDeniedException", f"User is not authorized to perform: secretsmanager:{action}")
    if found is None:
        raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    return {"ARN": found, "Name": found.split(":")[-1][:-7], "SecretString": state["secrets"][found]}


def is_signed(handler, body, service):
    header = handler.headers.get("Authorization", "")
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=(\S+), ?Signature=(\w+)", header
    )
    if not match or match[3] != service:
        return False
    request = AWSRequest(handler.command, f"http://{handler.headers['Host']}{handler.path}", data=body)
    for name in match[4].split(";"):
        request.headers[name] = handler.headers.get(name, "")
    request.context["timestamp"] = handler.headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(match[1], "test"), service, match[2])
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return signer.signature(text, request) == match[5]


def agent(handler, path, body):
    """Answers as the agent behind one of the entry points, or returns the status of its refusal."""
    if state["play"].get("agent"):
        return state["play"]["agent"]
    core = next(stack for stack in state["stacks"].values() if "AliasArn" in stack["outputs"])
    entry_point = core["parameters"]["EntryPoint"]
    issuer = core["parameters"].get("UserJwtIssuer")
    token = handler.headers.get("x-agui-token") == TOKEN
    match entry_point:
        case "server-token":
            may = path == "url" and token
        case "cloudfront":
            may = path == "cloudfront" and handler.headers.get("x-amz-content-sha256") == hashlib.sha256(body).hexdigest()
            may = may and (token or bool(issuer))
        case "signed-url":
            may = path == "url" and is_signed(handler, body, "lambda")
        case "rest-iam":
            may = path == "rest-api" and is_signed(handler, body, "execute-api")
        case _:
            may = handler.headers.get("Authorization") in ("Bearer a.b.c", "a.b.c")
    # With an issuer the JWT of the user is needed too.
    if issuer and entry_point in ("server-token", "signed-url", "rest-iam", "cloudfront"):
        may = may and handler.headers.get("x-agui-user-token") == "a.b.c"
    if not may:
        return 401
    question = json.loads(body)["messages"][-1]["content"]
    state["runs"] += 1
    events = [
        {"type": "RUN_STARTED", "threadId": "t", "runId": "r"},
        {"type": "TOOL_CALL_START", "toolCallId": "c", "toolCallName": "look_up"},
        {"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "You wrote: "},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": question},
        {"type": "TEXT_MESSAGE_END", "messageId": "m"},
        state["play"].get("end") or {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"},
    ]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


class Handler(BaseHTTPRequestHandler):
    """Finds the service of a request by its path and headers."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        """Prints nothing."""

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, content, kind="application/json", headers=()):
        content = content if isinstance(content, bytes) else content.encode()
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(content))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_request(self):
        body = self.body()
        base = f"http://{self.headers['Host']}"
        place = urlsplit(self.path)
        first = place.path.split("/")[1]
        target = self.headers.get("X-Amz-Target", "")
        is_query = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        with lock:
            try:
                if place.path == "/_state":
                    self.answer(200, json.dumps(state))
                elif place.path == "/_play":
                    state["play"] |= json.loads(body)
                    self.answer(200, "{}")
                elif place.path == "/_have":
                    for kind, things in json.loads(body).items():
                        state[kind] |= things
                    self.answer(200, "{}")
                elif place.path == "/_call":
                    state["calls"].append(json.loads(body))
                    self.answer(200, "{}")
                elif place.path == "/_deploy":
                    deploy(base, *json.loads(body))
                    self.answer(200, "{}")
                elif place.path == "/_cargo":
                    self.answer(200, json.dumps(cargo_lambda(json.loads(body))))
                elif is_query and place.path == "/":
                    self.query(body.decode(), base)
                elif target.startswith("secretsmanager."):
                    self.answer(200, json.dumps(secrets_manager(target.split(".")[1], json.loads(body))))
                elif first == "model":
                    self.bedrock(place.path)
                elif first in ("2015-03-31", "2021-10-31"):
                    query = {name: values[0] for name, values in parse_qs(place.query).items()}
                    fields = json.loads(body) if body else {}
                    self.answer(200, json.dumps(lambda_api(self.command, place.path, query, fields)))
                elif first in ("url", "rest-api", "cloudfront"):
                    result = agent(self, first, body)
                    if isinstance(result, bytes):
                        self.answer(200, result, "text/event-stream")
                    else:
                        self.answer(result, json.dumps({"error": {"code": "REFUSED"}}))
                else:
                    self.storage(place.path, body)
            except Refused as refused:
                if is_query:
                    error = f"<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>"
                    text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
                    self.answer(refused.status, text, "text/xml")
                else:
                    error = json.dumps({"__type": refused.code, "message": refused.message, "Message": refused.message})
                    self.answer(refused.status, error, headers=[("x-amzn-ErrorType", refused.code)])

    def query(self, body, base):
        fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        action = fields["Action"]
        if action == "GetCallerIdentity":
            result = f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/Developer/amelie</Arn><UserId>u</UserId><Account>{ACCOUNT}</Account>"
        else:
            if f"cloudformation:{action}" in state["play"].get("denied", []):
                raise Refused("AccessDenied", f"not authorized to perform: cloudformation:{action}", 403)
            result = cloudformation(action, fields, base)
        text = f"<{action}Response><{action}Result>{result}</{action}Result><ResponseMetadata/></{action}Response>"
        self.answer(200, text, "text/xml")

    def bedrock(self, path):
        model = unquote(path.split("/")[2])
        refusal = state["play"].get("bedrock", {}).get(model)
        if refusal:
            raise Refused(*refusal, 403 if refusal[0] == "AccessDeniedException" else 400)
        message = {"message": {"role": "assistant", "content": [{"text": "hello"}]}}
        usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
        self.answer(200, json.dumps({"output": message, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}))

    def storage(self, path, body):
        match self.command:
            case "PUT":
                try:
                    state["objects"][path] = body.decode()
                except UnicodeDecodeError:
                    state["objects"][path] = hashlib.sha256(body).hexdigest()
                self.answer(200, "", headers=[("ETag", '"1"')])
            case "HEAD" | "GET" if path in state["objects"]:
                self.answer(200, state["objects"][path], headers=[("ETag", '"1"')])
            case _:
                self.answer(404, "")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_request


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
