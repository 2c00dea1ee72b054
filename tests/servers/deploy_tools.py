"""Stands in for cargo and SAM in tests of deployments, and notes each call. `sam deploy` is the real one if REAL_SAM names it.

Called by the name `cargo` or `sam`. What is built is the text in FAKE_CODE. FAKE_FAILS is a part of the command that fails, such
as `sam build`. With FAKE_OLDER `cargo lambda deploy` leaves what releases before 1.9 have left.
"""

import json
import os
import re
import shlex
import shutil
import sys
import tomllib
import urllib.request
from pathlib import Path

name, arguments = Path(sys.argv[0]).name, sys.argv[1:]


def post(path, body):
    urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}{path}", data=json.dumps(body).encode()).read()


def option(flag, default=None):
    return arguments[arguments.index(flag) + 1] if flag in arguments else default


post("/_call", [name, *arguments])
if os.environ.get("FAKE_FAILS", "nothing") in " ".join([name, *arguments]):
    print("It has failed.", file=sys.stderr)
    sys.exit(1)
if name == "cargo" and arguments[:2] == ["lambda", "deploy"]:
    settings = Path(option("--env-file")).read_text().split("\n")
    post("/_cargo", {"name": arguments[2], "settings": settings, "older": "FAKE_OLDER" in os.environ})
if name == "sam" and arguments[0] == "build":
    folder = Path(option("--build-dir", ".aws-sam/build"))
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "code").mkdir(parents=True)
    (folder / "code/bootstrap").write_text(os.environ.get("FAKE_CODE", "first"))
    template = Path(option("--template", "template.yaml")).read_text()
    (folder / "template.yaml").write_text(re.sub(r"CodeUri: \S+", "CodeUri: code", template))
if name == "sam" and arguments[0] == "deploy":
    if "REAL_SAM" in os.environ:
        os.execv(os.environ["REAL_SAM"], ["sam", *arguments])
    config = tomllib.loads(Path("samconfig.toml").read_text())[option("--config-env")]["deploy"]["parameters"]
    parameters = config.get("parameter_overrides", {})
    if given := option("--parameter-overrides"):
        parameters = dict(word.split("=", 1) for word in shlex.split(given))
    template = Path(option("--template-file", ".aws-sam/build/template.yaml")).read_text()
    # Another code has another place in the bucket.
    template = template.replace("CodeUri: code", f"CodeUri: s3://bucket/{os.environ.get('FAKE_CODE', 'first')}")
    stack = option("--stack-name", config["stack_name"])
    post("/_deploy", [stack, template, parameters, "--no-execute-changeset" not in arguments])
