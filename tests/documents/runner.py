"""Runs blocks by their language."""

import json
import re
import subprocess
import time
import traceback
from pathlib import Path

import data
import exceptions
import regions
import shell
from failure import Failure
from not_run import NOT_RUN
from sentences import targets
from world import ROOT


def run_all(blocks, world, is_complete):
    """Runs blocks, and returns a text for each fault."""
    faults = []
    diagrams = [block for block in blocks if way(block) == "diagram"]
    try:
        errors = parse_diagrams(diagrams)
        faults += [f"{block}\n{error}" for block, error in zip(diagrams, errors, strict=True) if error]
    except Failure as failure:
        faults.append(str(failure))
    for block in blocks:
        start = time.monotonic()
        try:
            run(block, world)
        except Failure as failure:
            faults.append(f"{block}\n{failure}")
        except Exception:
            faults.append(f"{block}\n{traceback.format_exc()}")
        took = time.monotonic() - start
        if took > 1:
            print(f"{took:5.1f} s  {block}", flush=True)
    if is_complete:
        firsts = {block.first for block in blocks}
        for name in (*exceptions.COMMANDS, *exceptions.CHECKS):
            if name not in firsts:
                faults.append(f"exceptions.py names a block that does not exist: {name}")
        faults += [f"not_run.py names a target that does not exist: {name}" for name in NOT_RUN if name not in targets(ROOT)]
    return faults


def way(block):
    """How a block is run. Each block has exactly one way."""
    if block.first in exceptions.CHECKS:
        return "observed"
    match block.language:
        case "sh":
            return "settings" if all(SETTING.fullmatch(line) for line in block.text.split("\n") if line) else "commands"
        case "mermaid":
            return "diagram"
        case "json" | "toml" | "yaml" | "make":
            return block.language
        case "rust" if not block.comment:
            return "compiled"
        case "js" | "jsx" | "ts" | "tsx" | "python" | "rust":
            return "region"
    return "none"


SETTING = re.compile(r"(?:[A-Z_]+=\S*\s*)+(?:#.*)?")


def run(block, world):
    match way(block):
        case "observed":
            with world.scope():
                exceptions.CHECKS[block.first](block, world)
        case "commands":
            shell.run(block, world, exceptions.COMMANDS.get(block.first, {}))
        case "settings":
            shell.settings(block, world)
        case "region":
            regions.check(block, world)
        case "json":
            data.json_block(block)
        case "toml":
            data.toml_block(block)
        case "yaml":
            data.yaml_block(block, world)
        case "make":
            data.make_block(block, world)
        case "compiled" if not block.page.startswith(("docs/", "README.md", "starter/AGENTS.md")):
            raise Failure("tests/it/documentation compiles no Rust of this page")
        case "none":
            raise Failure(f"nothing runs a block of the language {block.language or 'without a name'}")


def parse_diagrams(blocks):
    """The errors of mermaid for diagrams; None for each that it can draw."""
    if not blocks:
        return []
    if not (ROOT / "examples/web/node_modules/mermaid").exists():
        raise Failure("diagrams are drawn with mermaid, which is not installed: run `npm ci` in examples/web, or `make test-docs`")
    texts = json.dumps([block.text for block in blocks])
    program = Path(__file__).parent / "diagrams.mjs"
    done = subprocess.run(["node", program], input=texts, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Failure("diagrams.mjs fails; `npm ci` in examples/web installs what it needs", done.stderr)
    return json.loads(done.stdout)
