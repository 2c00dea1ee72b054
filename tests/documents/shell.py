"""Runs the blocks of commands, in a world of their own.

The text of a block is what runs. Two things are replaced in it: addresses of this machine get ports that are free, and
PLACEHOLDERS get values. Each command runs in bash, in the folder and with the variables that the command before has left. A
command that serves stays until the block ends: it serves as soon as an address that it has printed answers. A comment below a
command that looks like JSON is what the command prints, with `...` for any text.
"""

import platform
import re
import subprocess
import time

from aws import ACCOUNT, FUNCTION, REGION, TOKEN
from failure import Failure
from world import SCRATCH, World, answers, stop

ROLE = f"arn:aws:iam::{ACCOUNT}:role/agent"
# The values of what a reader has to replace, the longer placeholder first.
PLACEHOLDERS = {
    "ANTHROPIC_API_KEY=...": "ANTHROPIC_API_KEY=sample-key",
    "AGUI_MODEL=bedrock/...": "AGUI_MODEL=bedrock/global.anthropic.claude-haiku-5-5",
    "ROLE=arn:aws:iam::...:role/agent": f"ROLE={ROLE}",
    "ROLE=arn:...": f"ROLE={ROLE}",
    "AGUI_TOKEN_SECRET_ID=...": "AGUI_TOKEN_SECRET_ID=agui/shared-token",
    "AGENT_TOKEN=...": f"AGENT_TOKEN={TOKEN}",
    "Url=...": "Url=https://sample.lambda-url.eu-central-1.on.aws/",
    "AliasArn=...": f"AliasArn=arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}:live",
    "FunctionName=...": f"FunctionName={FUNCTION}",
    "LogGroup=...": f"LogGroup=/aws/lambda/{FUNCTION}",
    "<FunctionName>": FUNCTION,
    "<account>": ACCOUNT,
    "<version>": "2",
    "<secret>": "agui/shared-token",
    "<name or ARN>": "agui/who",
    "<user>": "user-1",
    "<iss>": "https://issuer.example",
    "<organisation>": "org-1",
}
# Commands that may serve. Others are waited for, also if an address in their output answers.
SERVERS = re.compile(r"(?:[A-Z_]+=\S*\s+)*(?:make (?:run|dev|web)|cargo run|node|\S*llama-server\S*)\b")
PLACEHOLDER = r"(?<!<)<[a-zA-Z][\w ]*>"
PATIENCE_S = 120


def commands(text):
    """The commands of a block, each with the comment that follows it if it looks like JSON."""
    found, lines = [], []
    for line in text.split("\n"):
        if not lines and not line.strip():
            continue
        if not lines and line.startswith("#"):
            if found and line.startswith(("# {", "# [")):
                found[-1][1].append(line[2:])
            continue
        lines.append(line)
        # `<name>` is a placeholder, which bash would read as a redirection.
        joined = "\n".join(lines)
        readable = re.sub(PLACEHOLDER, "name", joined)
        parsed = subprocess.run(["bash", "-n", "-c", readable], stderr=subprocess.PIPE, check=False)
        if not parsed.stderr and not line.endswith("\\"):
            found.append((joined, []))
            lines = []
    if lines:
        raise Failure("bash cannot read this", "\n".join(lines))
    return [(command, "\n".join(printed)) for command, printed in found]


def pattern(shown):
    """A pattern of what a document shows: `...` is any text, and blanks may differ."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in shown.split("..."))
    return r"[^\n]*?".join(parts)


def fill(text, ports):
    """Replaces the placeholders and addresses of a command."""
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    code = re.sub(r"(^|\s)#.*", "", text)
    if left := re.search(rf"\S*\.\.\.\S*|{PLACEHOLDER}", code):
        raise Failure(f"PLACEHOLDERS has no value for {left[0]}")
    return re.sub(r"(127\.0\.0\.1:|localhost:|--port )(9000|8080|3000)\b", lambda match: match[1] + ports[match[2]], text)


class Session:
    """Commands that run one after the other, as in terminals that stay open."""

    def __init__(self, world, variables):
        self.world, self.variables = world, variables
        self.folder = world.project
        self.state = SCRATCH / "state"
        self.count = 0
        # The commands that serve, each with its process and the file with its output.
        self.serving = []

    def run(self, command):
        """Runs a command until it ends or serves, and returns what it has printed."""
        self.count += 1
        log = SCRATCH / f"command-{self.count}.log"
        self.state.unlink(missing_ok=True)
        script = f'set -a\n{command}\nset +a\n{{ pwd; env -0; }} >"$DOCUMENTS_STATE"'
        with log.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True, env=self.variables | {"DOCUMENTS_STATE": str(self.state)},
            )
        self.world.ends.append(lambda: stop(process))
        may_serve = SERVERS.match(command)
        for _ in range(PATIENCE_S * 20):
            ended = process.poll() is not None
            printed = log.read_text(errors="replace")
            if ended:
                break
            addresses = re.findall(r"(?:127\.0\.0\.1|localhost):\d+", printed)
            if may_serve and any(answers(f"http://{address}/") for address in addresses):
                break
            time.sleep(0.05)
        else:
            raise Failure(f"this command neither ends nor serves within {PATIENCE_S} s: {command}", printed)
        if ended and process.returncode:
            raise Failure(f"this command fails with {process.returncode}: {command}", printed)
        if not ended:
            self.serving.append((command, process, log))
        else:
            folder, variables = self.state.read_text().split("\n", 1)
            self.folder = folder
            self.variables = dict(entry.split("=", 1) for entry in variables.split("\0") if "=" in entry)
        return printed

    def end(self):
        """Fails if something that served has broken off."""
        for command, process, log in self.serving:
            if process.poll() is not None:
                raise Failure(f"this command has not served until the end: {command}", log.read_text(errors="replace"))


def run(block, world, setup):
    """Runs a block of commands. `setup` has what exceptions.py says about it."""
    if setup.get("machine", platform.machine()) != platform.machine():
        print(f"NOT RUN, because its programs are for {setup['machine']}: {block}")
        return
    with world.scope():
        world.reset()
        variables = world.variables()
        text = block.text
        if re.search(r"\baws |make deploy WITH=cargo-lambda|_SECRET_ID=|AGUI_TABLE=", text):
            variables["AWS_ENDPOINT_URL"] = world.moto()
        if re.search(r"\baws cloudformation|\bsam |make (-s )?(deploy|plan|rollback|destroy|token|doctor)", text):
            variables["DOCUMENTS_ACCOUNT"] = world.account()
        # A block that talks to a function and starts none gets one.
        starts_one = re.search(r"^(\w+=\S+ )*make (run|dev)", text, re.MULTILINE)
        if re.search(r"127\.0\.0\.1:9000|\$TOKEN|\$KEY|\$URL", text) and not starts_one:
            world.function(setup.get("function", "ag-ui-lambda"))
            url = setup.get("url", World.address)(world)
            variables |= {"TOKEN": TOKEN, "KEY": TOKEN, "URL": url, "BODY": BODY}
        session = Session(world, variables)
        for command, shown in commands(text):
            printed = session.run(fill(command, world.ports))
            if shown and not re.search(pattern(shown), printed):
                raise Failure(f"the command prints something else than the comment below it: {shown}", printed)
        session.end()


BODY = '{"threadId":"t","runId":"r","messages":[{"id":"m1","role":"user","content":"Hello"}],"tools":[],"context":[]}'


def settings(block, world):
    """Starts the function with the variables of each line. It refuses a value that it cannot use."""
    for line in filter(None, block.text.split("\n")):
        with world.scope():
            process = Session(world, world.variables() | KEYS | {"AGUI_LOCAL": "1"})
            process.run(fill(line.split(" #")[0].rstrip(), world.ports) + " cargo run --locked")


# Without a key the function does not start with the models of a provider.
KEYS = {f"{name}_API_KEY": "sample-key" for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
