"""Stands in for the AWS CLI, cargo and SAM in tests of scripts/deploy.sh: notes each call, and is as much of Lambda as they ask.

Called by one of these names, with its arguments. The state is in the JSON file FAKE_AWS: `calls`, and `function`, `url`
and `policy` as Lambda has them. It begins with nothing deployed. FAKE_DEPLOY names the release of cargo-lambda that is
played: 1.9.2 or 1.8, whose URLs lack the second statement and, as old ones do, have one without its limit,
and others that let everybody in. With FAKE_DENIES nobody may read the policy.
"""

import json
import os
import sys
from pathlib import Path

place = Path(os.environ["FAKE_AWS"])
state = json.loads(place.read_text()) if place.exists() else {"calls": [], "policy": []}
name, arguments = Path(sys.argv[0]).name, sys.argv[1:]
state["calls"].append([name, *arguments])


def end(answer=None, code=0):
    place.write_text(json.dumps(state))
    if answer is not None:
        print(answer)
    sys.exit(code)


def option(flag):
    return arguments[arguments.index(flag) + 1] if flag in arguments else None


def everybody(sid, action, condition, principal="*"):
    limits = {"Condition": condition} if condition else {}
    state["policy"].append({"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": action, **limits})


by_url = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
through_url = {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}

if name == "cargo" and arguments[:2] == ["lambda", "deploy"]:
    state["settings"] = Path(option("--env-file")).read_text().split("\n")
    state["function"] = {"LoggingConfig": "LogFormat=Text"}
    if "url" not in state:
        state["url"] = {"AuthType": "NONE", "InvokeMode": "BUFFERED", "FunctionUrl": "https://abc.lambda-url.example/"}
        everybody("FunctionUrlAllowPublicAccess-1", "lambda:InvokeFunctionUrl", by_url)
        if os.environ["FAKE_DEPLOY"] == "1.9.2":
            everybody("FunctionUrlInvokeAllowPublicAccess-1", "lambda:InvokeFunction", through_url)
        else:
            everybody("old", "lambda:InvokeFunction", None)
            everybody("listed", "lambda:InvokeFunction", None, {"AWS": ["*"]})
            everybody("turned", "lambda:InvokeFunction", {"Bool": {"lambda:InvokedViaFunctionUrl": "false"}})
            everybody("reader", "lambda:GetFunction", None)
    end()
if name != "aws":
    end()

match arguments[1]:
    case "get-function-configuration":
        end(code=0 if "function" in state else 254)
    case "update-function-configuration":
        state["function"]["LoggingConfig"] = option("--logging-config")
        end("{}")
    case "update-function-url-config":
        state["url"] |= {"AuthType": option("--auth-type"), "InvokeMode": option("--invoke-mode")}
        end("{}")
    case "get-function-url-config":
        end("\t".join(state["url"][part] for part in ["AuthType", "InvokeMode", "FunctionUrl"]))
    case "get-policy":
        if os.environ.get("FAKE_DENIES"):
            print("An error occurred (AccessDeniedException) when calling GetPolicy", file=sys.stderr)
            end(code=254)
        if not state["policy"]:
            print("An error occurred (ResourceNotFoundException) when calling GetPolicy", file=sys.stderr)
            end(code=254)
        end(json.dumps({"Statement": state["policy"]}))
    case "remove-permission":
        state["policy"] = [kept for kept in state["policy"] if kept["Sid"] != option("--statement-id")]
        end()
    case "add-permission":
        limits = by_url if option("--function-url-auth-type") else None
        limits = through_url if "--invoked-via-function-url" in arguments else limits
        everybody(option("--statement-id"), option("--action"), limits)
        end("{}")
    case "wait":
        end()
    case other:
        end(f"not played: {other}", 1)
