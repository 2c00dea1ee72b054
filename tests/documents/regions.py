"""Blocks of code repeat code that runs: a region of a file, which the comment above the block names.

The comment is `<!-- examples/plain/page.js, region run -->`. In the file, the region is between the comments `#region run` and
`#endregion`. Rust without such a comment is compared by tests/it/documentation.
"""

import re
import subprocess

from aws import TOKEN
from failure import Failure
from pages import without_indent
from world import ROOT, World

# Who runs or compiles the files: a test that CI runs, with one exception.
RUN_BY = {
    "examples/plain/": "tests/web/plain.test.mjs",
    "examples/assistant-ui/": "tests/web/other-clients.test.mjs",
    "examples/web/": "tests/web/run.mjs",
    "examples/forward/": "tests/it/examples/forward.rs",
    "examples/dojo/src/": "examples/dojo/Cargo.toml",
    "tests/clients/tanstack.mjs": "tests/web/other-clients.test.mjs",
    "tests/clients/front_end.py": "tests/web/other-clients.test.mjs",
    "tests/it/": "tests/it/main.rs",
    # An agent with another framework, which `make compare` runs and measures. CI does not.
    "benches/compare/": "benches/compare/compare.py",
    # Code of another library, which CI does not install: `make compare` runs it, before a release.
    "benches/compare/ag2/": "benches/compare/compare.py",
    # `run_client` starts these.
    "tests/clients/hashed.mjs": "tests/documents/regions.py",
    "tests/clients/unanswered.mjs": "tests/documents/regions.py",
}


def region(source, name):
    """The lines of a region of a file; None if the file has no such region."""
    lines, found = source.split("\n"), None
    for line in lines:
        mark = line.strip().lstrip("/# ")
        if found is None:
            found = [] if mark == f"region {name}" else None
        elif mark == "endregion":
            return without_indent(found)
        else:
            found.append(line)
    return None


def check(block, world):
    """Compares a block with the region that its comment names, and runs the file if no other test does."""
    match = re.fullmatch(r"(\S+), region ([\w-]+)", block.comment)
    if not match:
        raise Failure("no comment above this block names the file and the region that it repeats, and that a test runs")
    file, name = match.groups()
    runner = next((runner for prefix, runner in RUN_BY.items() if file.startswith(prefix)), None)
    if runner is None or not (ROOT / runner).exists():
        raise Failure(f"RUN_BY does not say which test runs {file}")
    if not (ROOT / file).exists():
        raise Failure(f"{file} does not exist")
    expected = region((ROOT / file).read_text(), name)
    if expected is None:
        raise Failure(f"{file} has no region {name}")
    if block.text != expected:
        raise Failure(f"the block is not the region {name} of {file}, which is", expected)
    if runner == "tests/documents/regions.py":
        with world.scope():
            run_client(file, world)


def run_client(file, world):
    """Runs a client against the function of the repository."""
    world.function("ag-ui-lambda", AGUI_AUTH="token_or_jwt", AGUI_CLIENT_COMPAT="auto")
    jwt = world.post("/_dev/token", {"person": "amelie"}, {"x-agui-dev-key": TOKEN})["access_token"]
    url, expected = CLIENTS[file]
    done = subprocess.run(
        ["node", ROOT / file, url(world), TOKEN, jwt], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False, timeout=60,
    )
    if done.returncode or not all(text in done.stdout for text in expected):
        raise Failure(f"{file} fails, or does not print {expected}", done.stdout + done.stderr)


# Where a client sends its requests, and what it prints among other things.
CLIENTS = {
    "tests/clients/hashed.mjs": (World.cloudfront, ["Partly cloudy"]),
    "tests/clients/unanswered.mjs": (World.address, ["It was not run for this message", "You said: Good evening"]),
}
