"""What is measured: how each agent is installed, started and asked."""

import os
from dataclasses import dataclass
from pathlib import Path

from function import RuntimeApi
from processes import Process, free_port
from runs import TOKEN, Client
from stand_in import RESULT

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUTPUT = ROOT / "target" / "compare"
LOCAL = {
    "PATH": os.environ["PATH"],
    "HOME": os.environ.get("HOME", "/"),
    "LANG": "C.UTF-8",
    # Nothing is written into the folders of the agents. Their packages were compiled when they were installed.
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Server:
    """A process that serves all of its runs itself, several at a time."""

    def __init__(self, subject, model, log):
        self.port = free_port()
        env = {**LOCAL, "PORT": str(self.port), "AGENT_TOKEN": TOKEN, **subject.env(model)}
        self.path = subject.path
        self.process = Process(subject.command(self.port), env, subject.where(), log)
        self.processes = [self.process]

    def client(self):
        """A connection for one run after another. Waits until the process listens."""
        self.process.wait_for(self.port)
        return Client(self.port, self.path)

    def end(self):
        self.process.end()


class Environments:
    """The processes of a function. Each serves one run at a time, so a client has a process of its own."""

    def __init__(self, subject, model, log):
        self.subject, self.model, self.log = subject, model, log
        self.processes, self.apis = [], []

    def client(self):
        """Starts another process, and returns what gives it its events."""
        api = RuntimeApi()
        env = {
            **LOCAL, **self.subject.env(self.model), "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "compared", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/compared",
            "AWS_LAMBDA_LOG_STREAM_NAME": "compared", "AWS_REGION": "us-east-1", "_HANDLER": "bootstrap",
        }
        self.apis.append(api)
        self.processes.append(Process(self.subject.command(None), env, ROOT, self.log))
        return api

    def end(self):
        for process in self.processes:
            process.end()
        for api in self.apis:
            api.close()


@dataclass(frozen=True)
class Subject:
    """An agent that is compared. `key` names its folder in target/compare, and `result` is a part of what its tool returns."""

    key: str
    title: str
    source: Path
    result: str = RESULT
    path: str = "/"
    start: type = Server

    def folder(self):
        """The folder in which the agent is installed."""
        return OUTPUT / self.key

    def where(self):
        """The folder in which its process is started."""
        return ROOT

    def command(self, port):
        raise NotImplementedError

    def env(self, model):
        return {"OPENAI_BASE_URL": f"{model}/v1", "OPENAI_API_KEY": "none"}


class Python(Subject):
    """An ASGI application, served by uvicorn with its fastest loop and parser, without a log of requests."""

    def command(self, port):
        return [
            str(self.folder() / ".venv/bin/uvicorn"), "agent:app", "--app-dir", str(self.source.parent), "--port", str(port),
            "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
        ]


class Node(Subject):
    def where(self):
        return self.folder()

    def command(self, port):
        return ["node", self.source.name]

    def env(self, model):
        variables = {"NODE_ENV": "production", "COPILOTKIT_TELEMETRY_DISABLED": "true", "AGENT_URL": f"{model}/agent"}
        return {**super().env(model), **variables}


class Function(Subject):
    """The function of this project, as Lambda runs it."""

    def command(self, port):
        return [program("smallest")]

    def env(self, model):
        variables = {"AGUI_LOCAL": "1", "AGUI_TOKEN": TOKEN, "AGUI_MODEL": "openai/stand-in"}
        return {**super().env(model), **variables}


class Container(Subject):
    """The same library in a server that serves several runs at a time."""

    def command(self, port):
        return [program("agentcore"), f"127.0.0.1:{port}"]

    def env(self, model):
        return {**super().env(model), "AGUI_AUTH": "authorizer", "AGUI_MODEL": "openai/stand-in"}


def program(name):
    """The path of a release build. COMPARE_PROGRAMS names another folder than target/release."""
    return str(Path(os.environ.get("COMPARE_PROGRAMS", ROOT / "target" / "release")).absolute() / name)


EXAMPLES = ROOT / "examples"
COPILOTKIT = "/api/copilotkit/agent/default/run"
SUBJECTS = [
    Function("ag-ui-lambda", "ag-ui-lambda on Lambda", EXAMPLES / "smallest/src/main.rs", start=Environments),
    # Its only tool with arguments answers with them.
    Container(
        "ag-ui-lambda-server", "ag-ui-lambda in a server", EXAMPLES / "agentcore/src/main.rs", path="/invocations", result="A-17",
    ),
    Python("pydantic-ai", "Pydantic AI", HERE / "pydantic-ai/agent.py"),
    Python("ag2", "AG2", HERE / "ag2/agent.py"),
    Python("strands", "Strands", HERE / "strands/agent.py"),
    Node("copilotkit", "CopilotKit, own agent", HERE / "copilotkit/agent.mjs", path=COPILOTKIT),
    Node("copilotkit", "CopilotKit, bridge", HERE / "copilotkit/bridge.mjs", path=COPILOTKIT),
]
