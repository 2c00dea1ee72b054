"""Stands in for programs in commands of the documents: stand_ins.py NAME ARGUMENT...

What can run really does, with other addresses or fewer minutes; what cannot is checked as far as its arguments show.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from not_run import NOT_RUN

DEPLOYS = ("deploy", "plan", "rollback", "destroy", "token")


def fail(sentence):
    print(f"{name}: {sentence}", file=sys.stderr)
    sys.exit(2)


def real(program):
    """The path of the program itself."""
    ours = str(Path(os.environ["HOME"]).parent)
    path = ":".join(folder for folder in os.environ["DOCUMENTS_PATH"].split(":") if not folder.startswith(ours))
    return shutil.which(program, path=path) or fail("the program is not installed")


def execute(program, words):
    os.execv(program, [program, *words])


def make():
    targets = [word for word in words if not word.startswith("-") and "=" not in word]
    if any(target in NOT_RUN for target in targets):
        execute(real("make"), ["--dry-run", *words])
    if "new" in targets:
        # It needs the real cargo-lambda.
        os.environ["SAM_VENV"] = os.environ["DOCUMENTS_REAL_SAM_VENV"]
    if any(target in DEPLOYS for target in targets):
        os.environ["AWS_ENDPOINT_URL"] = os.environ["DOCUMENTS_ACCOUNT"]
        # What a person would be asked. There is no terminal here; tests/it/deploy types the answers.
        os.environ.setdefault("YES", "1")
        if "WITH=cargo-lambda" not in words:
            os.environ.setdefault("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=")
    if "doctor" in targets:
        doctor()
    execute(real("make"), words)


def doctor():
    """Tools and secrets are stand-ins here, so it finds faults of them. The checks of an endpoint must pass."""
    arguments = next((shlex.split(word.removeprefix("ARGS=")) for word in words if word.startswith("ARGS=")), [])
    os.environ |= {"AWS_ENDPOINT_URL": os.environ["DOCUMENTS_ACCOUNT"], "AGUI_TOKEN": os.environ["DOCUMENTS_TOKEN"]}
    program = f"{os.environ['CARGO_TARGET_DIR']}/debug/ag-ui-dev"
    done = subprocess.run([program, "doctor", *arguments], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    if " checks: " not in done.stdout or "[failed]" in done.stdout.partition("\nEndpoint\n")[2]:
        fail("doctor refuses its arguments or the endpoint")
    execute(real("make"), ["--dry-run", *words])


def check_parameters():
    """Both tools leave parameters out that the template does not have, so that a misspelt one has no effect."""
    file = next((words[at + 1] for at, word in enumerate(words) if word in ("--template-file", "--template")), None)
    if file is None or "--parameter-overrides" not in words or not Path(file).exists():
        return
    declared = re.search(r"^Parameters:\n((?: .*\n|\n|#.*\n)*)", Path(file).read_text(), re.MULTILINE)
    known = re.findall(r"^  (\w+):", declared[1], re.MULTILINE) if declared else []
    for word in words[words.index("--parameter-overrides") + 1 :]:
        if word.startswith("--"):
            break
        if word.split("=")[0] not in known:
            fail(f"{file} has no parameter {word.split('=')[0]}")


def aws():
    if words[:1] == ["cloudformation"]:
        check_parameters()
        os.environ["AWS_ENDPOINT_URL"] = os.environ["DOCUMENTS_ACCOUNT"]
    execute(f"{os.environ['VENV']}/bin/aws", words)


def sam():
    check_parameters()
    os.environ["AWS_ENDPOINT_URL"] = os.environ["DOCUMENTS_ACCOUNT"]
    execute(f"{os.environ['DOCUMENTS_REAL_SAM_VENV']}/bin/sam", words)


def cargo():
    """`cargo run` starts what `make programs` has built. Other commands are those of the tests of deployments."""
    if words[:1] == ["run"]:
        run_program()
    if words[:1] == ["lambda"] or words[:1] == ["metadata"]:
        execute(os.environ["DOCUMENTS_DEPLOY_CARGO"], words)
    fail(f"`cargo {' '.join(words[:1])}` has no stand-in")


def run_program():
    at = words.index("--") if "--" in words else len(words)
    options, arguments = words[1:at], words[at + 1 :]
    wanted = {}
    while options:
        option = options.pop(0)
        if option in ("--locked", "--quiet", "--no-default-features"):
            continue
        if option not in ("--package", "--bin", "--features") or not options:
            fail(f"`cargo run` is not known with {option}")
        wanted[option] = options.pop(0)
    listed = subprocess.run(
        [real("cargo"), "metadata", "--no-deps", "--offline", "--format-version", "1"], check=True, stdout=subprocess.PIPE
    )
    metadata = json.loads(listed.stdout)
    folder = str(Path.cwd() / "Cargo.toml")
    packages = {package["name"]: package for package in metadata["packages"]}
    here = next((package["name"] for package in packages.values() if package["manifest_path"] == folder), None)
    package = packages.get(wanted.get("--package", here)) or fail(f"there is no package {wanted.get('--package', here)}")
    if "--features" in wanted and wanted["--features"] not in package["features"]:
        fail(f"the package {package['name']} has no feature {wanted['--features']}")
    programs = [target["name"] for target in package["targets"] if "bin" in target["kind"]]
    program = wanted.get("--bin") or package["default_run"] or (programs[0] if len(programs) == 1 else None)
    if program not in programs:
        fail(f"the package {package['name']} has no program {program}, but {', '.join(programs)}")
    # The port stands for 9000: if it is in use, the function takes another one, as it does for a reader.
    with socket.socket() as connection:
        is_taken = connection.connect_ex(("127.0.0.1", int(os.environ["DOCUMENTS_PORT"]))) == 0
    os.environ.setdefault("AGUI_PORT", "0" if is_taken else os.environ["DOCUMENTS_PORT"])
    os.environ.setdefault("AGUI_TOKEN", os.environ["DOCUMENTS_TOKEN"])
    execute(f"{metadata['target_directory']}/debug/{program}", arguments)


def curl():
    """The real curl. It fails if the response is an error, or a stream of events without the event that ends a run."""
    options = ["--no-progress-meter", "--fail-with-body", "--max-time", "60"]
    done = subprocess.run([real("curl"), *options, *words], stdout=subprocess.PIPE, check=False)
    sys.stdout.buffer.write(done.stdout)
    sys.stdout.flush()
    if done.returncode:
        sys.exit(done.returncode)
    events = re.findall(rb"^data: (.*)$", done.stdout, re.MULTILINE)
    if events and json.loads(events[-1])["type"] != "RUN_FINISHED":
        fail(f"the run has ended with {events[-1].decode()}")


def npm():
    """`npm ci` was run by make, so it checks only that there is a lockfile and what it installs."""
    if words == ["ci"]:
        if not Path("package-lock.json").exists() or not Path("node_modules/.stamp").exists():
            fail(f"nothing is installed in {Path.cwd()}")
        return
    execute(real("npm"), words)


def gh():
    """`gh api repos/OWNER/NAME --jq QUERY`: QUERY may be a text with paths, as in "\\(.owner.login)"."""
    match = re.fullmatch(r"api repos/([\w-]+)/([\w.-]+) --jq \"([^\"]*)\"", " ".join(words)) or fail(f"not known: {words}")
    repository = {"id": 5678, "name": match[2], "full_name": f"{match[1]}/{match[2]}", "owner": {"login": match[1], "id": 1234}}

    def value(path):
        found = repository
        for member in path[1].strip(".").split("."):
            found = found.get(member) if isinstance(found, dict) else None
        return str(found) if found is not None else fail(f"a repository has no {path[1]}")

    print(re.sub(r"\\\(([.\w]+)\)", value, match[3]))


name, words = sys.argv[1], sys.argv[2:]
match name:
    case "make" | "aws" | "sam" | "cargo" | "curl" | "npm" | "gh":
        globals()[name]()
    case _:
        fail("this program must not run in a test")
