"""The machine on which the commands of the documents run: a copy of the repository, stand-ins for programs, AWS, and a function.

Everything is made when it is needed for the first time, in a folder of target/, and ends with `close`.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path

from aws import REGION, TOKEN, CloudFront, fill_moto
from failure import Failure

ROOT = Path(__file__).parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
SCRATCH = TARGET / f"documents-{os.getpid()}"
PROGRAMS = TARGET / "debug"
VENV = Path(os.environ.get("VENV", ROOT / ".venv"))
SAM_VENV = Path(os.environ.get("SAM_VENV", ROOT / ".venv-sam"))
# What is not copied: folders that are built or installed. Some of them are linked instead.
LEFT_OUT = ("target", ".git", ".venv*", ".aws-sam", "node_modules", "dist")
# Programs that documents may name and that nobody wants to be run by a test.
REFUSED = ("apt-get", "brew", "docker", "pip", "pip3", "npx", "rustup", "sudo", "ssh")


class World:
    """What commands find. `variables` is their environment."""

    def __init__(self):
        self.project = SCRATCH / "project"
        self.home = SCRATCH / "home"
        self.bin = SCRATCH / "bin"
        # What ends the servers that are started: those of a block, and those that all blocks share.
        self.ends, self.shared_ends = [], []
        self.made = {}
        for folder in TARGET.glob("documents-*"):
            # One whose process was killed is left behind.
            if not Path(f"/proc/{folder.name.split('-')[1]}").exists():
                shutil.rmtree(folder, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.copy_repository()
        self.write_stand_ins()
        # One port for the function and one for servers of one's own; blocks run one after the other.
        self.ports = {"9000": str(free_port()), "8080": str(free_port()), "3000": str(free_port())}

    def copy_repository(self):
        shutil.copytree(ROOT, self.project, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for pattern in ("tests/*/node_modules", "examples/*/node_modules", "examples/web/dist", ".venv"):
            for folder in ROOT.glob(pattern):
                (self.project / folder.relative_to(ROOT)).symlink_to(folder)
        # A program keeps its secrets and its address in the target folder that it is in, so it is linked into one of the copy.
        (self.project / "target/debug").mkdir(parents=True)
        (self.project / "target/CACHEDIR.TAG").touch()
        for program in PROGRAMS.iterdir():
            if program.is_file() and os.access(program, os.X_OK):
                os.link(program, self.project / "target/debug" / program.name)

    def write_stand_ins(self):
        python, sources = VENV / "bin/python", Path(__file__).parent / "stand_ins.py"
        for name in ("aws", "cargo", "curl", "gh", "make", "npm", "sam", *REFUSED):
            write_program(self.bin / name, f'#!/bin/sh\nexec {python} -B {sources} {name} "$@"\n')
        # `make deploy` finds its programs here: those of the tests of deployments, which build and deploy nothing.
        venv = SCRATCH / "venv/bin"
        tools = (ROOT / "tests/servers/deploy_tools.py").read_text()
        write_program(SCRATCH / "deploy/cargo", f"#!{SAM_VENV}/bin/python\n{tools}")
        write_program(venv / "cargo", f'#!/bin/sh\nexec {self.bin / "cargo"} "$@"\n')
        for name in ("sam", "cargo-lambda"):
            write_program(venv / name, f"#!{SAM_VENV}/bin/python\n{tools}")
        write_program(venv / "python", f'#!/bin/sh\nexec {SAM_VENV}/bin/python "$@"\n')
        stamp = venv.parent / ".stamp"
        stamp.touch()

    def variables(self):
        """The environment of a command, without addresses of AWS."""
        kept = {name: os.environ[name] for name in ("CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN") if name in os.environ}
        home = os.environ.get("HOME", "/")
        return {
            "PATH": f"{self.bin}:{Path(shutil.which('node')).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "CARGO_HOME": f"{home}/.cargo",
            "RUSTUP_HOME": f"{home}/.rustup",
            **kept,
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "VENV": str(VENV),
            "SAM_VENV": str(SCRATCH / "venv"),
            "CARGO_TARGET_DIR": str(self.project / "target"),
            "TARGET": str(self.project / "target"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.2",
            "PORT": self.ports["3000"],
            # For the stand-ins.
            "DOCUMENTS_PATH": os.environ["PATH"],
            "DOCUMENTS_PORT": self.ports["9000"],
            "DOCUMENTS_TOKEN": TOKEN,
            "DOCUMENTS_REAL_SAM_VENV": str(SAM_VENV),
            "DOCUMENTS_DEPLOY_CARGO": str(SCRATCH / "deploy/cargo"),
        }

    def reset(self):
        """Removes what the block before has changed in the project, and the project that it has made beside it."""
        shutil.rmtree(SCRATCH / "my-agent", ignore_errors=True)
        shutil.copy2(ROOT / "samconfig.toml", self.project / "samconfig.toml")

    # AWS.

    def moto(self):
        """The address of moto, which plays every service except CloudFormation. It has a function, a table and secrets."""
        if "moto" not in self.made:
            self.made["moto"] = self.serve([VENV / "bin/python", ROOT / "tests/servers/secrets_manager.py"], self.shared_ends)
        url = self.made["moto"]
        urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).read()
        fill_moto(url)
        return url

    def account(self):
        """The address of an account that plays CloudFormation. It has the stacks of two environments, each with 9 versions."""
        if "stacks" not in self.made:
            ends = []
            url = self.start_account(ends)
            for environment in ("default", "prod"):
                self.deploy(url, environment)
            state = json.load(urllib.request.urlopen(f"{url}/_state"))
            ends[0]()
            for function in state["functions"].values():
                version = function["versions"][0]
                function["versions"] = [{**version, "Version": str(number)} for number in range(1, 10)]
                function["aliases"]["live"] = "9"
            kept = ("stacks", "change_sets", "objects", "functions", "secrets")
            self.made["stacks"] = url, json.dumps({name: state[name] for name in kept})
            self.reset()
        url = self.start_account(self.ends)
        first, state = self.made["stacks"]
        urllib.request.urlopen(f"{url}/_have", data=state.replace(first, url).encode()).read()
        return url

    def start_account(self, ends):
        return self.serve([VENV / "bin/python", ROOT / "tests/servers/aws_account.py"], ends)

    def deploy(self, url, environment):
        parameters = "EntryPoint=server-token Model=scripted/demo AlarmEmail="
        variables = {"AWS_ENDPOINT_URL": url, "DOCUMENTS_ACCOUNT": url, "ENV": environment, "PARAMETERS": parameters, "YES": "1"}
        made = subprocess.run(
            ["make", "deploy"], cwd=self.project, env=self.variables() | variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        if made.returncode:
            raise Failure("`make deploy` does not work in the copy of the repository", made.stdout)

    def serve(self, command, ends):
        """Starts a server that prints its address as its first line and ends with its input, and returns the address. `ends` gets
        what ends it."""
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ends.append(lambda: (server.stdin.close(), server.wait(10)))
        return server.stdout.readline().strip()

    # The function.

    def function(self, name, **variables):
        """Serves a function of the repository at the port that stands for 9000, and returns what it prints."""
        program = self.project / "target/debug" / name
        variables |= {"AGUI_LOCAL": "1", "AGUI_PORT": self.ports["9000"], "AGUI_TOKEN": TOKEN, "AGUI_SCRIPTED_DELAY_MS": "1"}
        log = SCRATCH / "function.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [program], cwd=self.project, env=self.variables() | variables, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
        self.ends.append(lambda: stop(process))
        for _ in range(1200):
            if process.poll() is not None:
                break
            if "Try " in log.read_text() and answers(f"{self.address()}health"):
                return log.read_text()
            time.sleep(0.05)
        raise Failure(f"{name} does not serve", log.read_text())

    def address(self):
        """The address of the function that is served."""
        return f"http://127.0.0.1:{self.ports['9000']}/"

    def post(self, path, body, headers):
        """Sends JSON to the function that is served, and returns the JSON of its response."""
        request = urllib.request.Request(f"{self.address()}{path[1:]}", json.dumps(body).encode(), headers)
        return json.load(urllib.request.urlopen(request, timeout=60))

    def cloudfront(self):
        """The address of what plays CloudFront in front of the function that is served."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), CloudFront)
        server.function = self.address()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.ends.append(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/"

    @contextlib.contextmanager
    def scope(self):
        """Ends what is started inside."""
        before = len(self.ends)
        try:
            yield
        finally:
            self.end(before)

    def end(self, first=0):
        for end in reversed(self.ends[first:]):
            with contextlib.suppress(Exception):
                end()
        del self.ends[first:]

    def close(self):
        self.end()
        for end in self.shared_ends:
            with contextlib.suppress(Exception):
                end()
        shutil.rmtree(SCRATCH, ignore_errors=True)


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def answers(url):
    """Whether a server answers at an address, and not with an error of its own."""
    try:
        return urllib.request.urlopen(url, timeout=5).status < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def stop(process):
    """Stops a program and its children as Ctrl-C does, and kills what does not end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
    process.wait()


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
