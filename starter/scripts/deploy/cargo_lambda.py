"""`make deploy WITH=cargo-lambda`: deploys only the function, and gives it the alias `live` with a URL that streams.

It creates no secret, role, alarm or rotation. It reads these variables:

    FUNCTION=name      its name in AWS; the name of the program in Cargo.toml if it is not set. In a workspace whose Cargo.toml
                       has no package it is also the name of the program
    ROLE=arn:...       its role, which must read the secrets, write logs and invoke the model; required the first time
    URL_AUTH=NONE      NONE lets every request reach the function, which checks the token or the JWT; or AWS_IAM
    MEMORY_MB, TIMEOUT_S, LOG_RETENTION_DAYS
    AGUI_*             its settings; each deployment replaces all of them
"""

import os
import subprocess
import tempfile
from pathlib import Path

from botocore.exceptions import ClientError

import curl
from account import Account, message_of, need
from function import ALIAS, Function
from project import read_toml
from terminal import Stop, heading, say

CREATE_SECRET = r'''  aws secretsmanager create-secret --name agui/token \
    --secret-string "{\"token\":\"$(openssl rand -hex 24)\"}"'''

MODES = ("token", "authorizer", "both", "jwt", "token_or_jwt")


def deploy():
    """Deploys the function with the variables of the environment."""
    settings = {variable: value for variable, value in os.environ.items() if variable.startswith("AGUI_") and value}
    url_auth = os.environ.get("URL_AUTH") or "NONE"
    check(settings, url_auth)
    need("cargo", "cargo-lambda")
    account = Account()
    account.check_credentials()
    binary = program()
    function = Function(account, name())
    role = os.environ.get("ROLE")
    # If the function does not exist and ROLE is not set, cargo-lambda would create a role that may read no secret.
    if not role and not function.exists():
        raise Stop(
            f"there is no function {function.name} yet: set ROLE to the ARN of its role, which may read the secrets "
            "(secretsmanager:GetSecretValue), write the log (logs:CreateLogStream, logs:PutLogEvents) and invoke the model "
            "(bedrock:InvokeModelWithResponseStream)"
        )

    heading("Building the function for arm64 (the first time takes some minutes)")
    cargo("build", "--locked", "--release", "--arm64", "--bin", binary)
    heading(f"Deploying {function.name} to account {account.id}, {account.region}")
    with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
        file.write("".join(f"{variable}={value}\n" for variable, value in settings.items()))
        file.flush()
        limits = [
            *("--memory", os.environ.get("MEMORY_MB") or "512"),
            *("--timeout", os.environ.get("TIMEOUT_S") or "300"),
            *("--log-retention", os.environ.get("LOG_RETENTION_DAYS") or "30"),
        ]
        chosen_role = ["--role", role] if role else []
        cargo("deploy", function.name, "--binary-name", binary, "--env-file", file.name, *limits, *chosen_role)

    heading("Setting what cargo-lambda leaves out")
    try:
        function.publish()
        url = function.serve(url_auth, origins_of(settings))
    except ClientError as error:
        raise Stop(f"the function is deployed, but not its URL: {message_of(error)}") from None
    say(f"The URL streams: {url}")
    heading("What you can do next")
    headers = headers_of(settings, url_auth)
    for header in headers:
        say(f"Read {'the shared token' if 'TOKEN' in header else 'the JWT of a user'} into your shell:\n")
        print(f"  {curl.read(header)}\n")
    say("Send a message from a terminal:\n")
    for line in curl.run(url, headers, signed=("lambda", account.region) if url_auth == "AWS_IAM" else None):
        print(f"  {line}")
    say("\nOnly template.yaml creates alarms, a concurrency limit and rotation.")


def check(settings, url_auth):
    """Refuses settings with which the function could not start."""
    if url_auth not in ("NONE", "AWS_IAM"):
        raise Stop(f"URL_AUTH is {url_auth}; it must be NONE or AWS_IAM")
    for variable in ("AGUI_LOCAL", "AGUI_TOKEN", "AGUI_APPROVAL_KEY"):
        if variable in settings:
            raise Stop(
                f"{variable} is for local mode; unset it, and set AGUI_TOKEN_SECRET_ID and AGUI_APPROVAL_SECRET_ID to names of secrets"
            )
    if "AGUI_MODEL" not in settings:
        raise Stop("AGUI_MODEL must name the model")
    mode = settings.get("AGUI_AUTH", "token")
    if mode not in MODES:
        raise Stop(f"AGUI_AUTH is {mode}; it must be {', '.join(MODES[:-1])} or {MODES[-1]}")
    if mode in ("authorizer", "both") and url_auth == "NONE":
        raise Stop(f"AGUI_AUTH={mode} admits callers whom AWS has checked, and URL_AUTH=NONE checks nobody: set URL_AUTH=AWS_IAM")
    if "AGUI_TOKEN_SECRET_ID" not in settings and mode not in ("authorizer", "jwt"):
        raise Stop(f"AGUI_TOKEN_SECRET_ID must name the secret of the shared token. This creates one:\n{CREATE_SECRET}")
    curl.token_header(settings.get("AGUI_TOKEN_HEADER"))  # refuses a name in which no token can be sent
    missing = [variable for variable in ("AGUI_JWT_ISSUER", "AGUI_JWT_AUDIENCE") if variable not in settings]
    if mode in ("jwt", "token_or_jwt") and missing:
        raise Stop(f"AGUI_AUTH={mode} needs {' and '.join(missing)}")


def headers_of(settings, url_auth):
    """Returns the headers that prove who calls. A signature of AWS uses the header Authorization, so a JWT has another one then."""
    mode = settings.get("AGUI_AUTH", "token")
    headers = []
    if mode in ("token", "both", "token_or_jwt"):
        headers.append(curl.shared_token(curl.token_header(settings.get("AGUI_TOKEN_HEADER"))))
    if mode == "jwt":
        headers.append(curl.BEARER if url_auth == "NONE" else curl.USER_TOKEN)
    elif mode != "token_or_jwt" and "AGUI_JWT_ISSUER" in settings:
        headers.append(curl.USER_TOKEN)
    return headers


def origins_of(settings):
    """Returns the origins whose pages may call. At a URL it is the URL that answers for them, not the function."""
    listed = ",".join(settings.get(variable, "") for variable in ("AGUI_CORS_ORIGINS", "AGUI_ALLOWED_ORIGIN"))
    return [origin.strip() for origin in listed.split(",") if origin.strip()]


def name():
    """Returns the name of the function in AWS."""
    return os.environ.get("FUNCTION") or program()


def alias():
    """Returns the alias, named by its function."""
    return f"{name()}:{ALIAS}"


def program():
    """Returns the program of Cargo.toml. Where it names none, as that of a workspace, it is the one that FUNCTION names."""
    path = Path("Cargo.toml")
    found = default_run(read_toml(path)) if path.is_file() else None
    found = found or os.environ.get("FUNCTION")
    if not found:
        reason = f"{path} has no package, and so no program" if path.is_file() else f"there is no {path} in {Path.cwd()}"
        raise Stop(f"{reason}: set FUNCTION to the name of the program, which is then also that of the function in AWS")
    return found


def default_run(manifest):
    """Returns the program that `cargo run` would start: default-run, the first of [[bin]], or that of src/main.rs; or None."""
    package, listed = manifest.get("package"), manifest.get("bin")
    if not isinstance(package, dict):
        return None
    programs = [of["name"] for of in listed if isinstance(of, dict) and "name" in of] if isinstance(listed, list) else []
    return package.get("default-run") or next(iter(programs), package.get("name"))


def cargo(*arguments):
    """Runs cargo-lambda."""
    if subprocess.run(["cargo", "lambda", *arguments]).returncode:
        raise Stop(f"`cargo lambda {arguments[0]}` failed; its lines above say why")
