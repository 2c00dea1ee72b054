"""Lambda: functions with versions, aliases, URLs and policies."""

import json
from urllib.parse import unquote

from .state import TIME, Refused, state


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


def lambda_api(method, path, query, body, base):
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
            before = urls.get(qualifier, {"FunctionUrl": f"{base}/alias/"})
            urls[qualifier] = {**before, **body}
            return urls[qualifier]
        case ["DELETE", "url"]:
            del function["urls"][qualifier]
            return {}
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
