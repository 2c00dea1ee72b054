"""Blocks of JSON, TOML, YAML and make: each is read by what reads it in a project."""

import functools
import json
import re
import subprocess
import sys
import tomllib

from ag_ui.core import Event, Interrupt, Message, ResumeEntry, RunAgentInput, Tool
from pydantic import TypeAdapter

from failure import Failure
from world import ROOT, SCRATCH, VENV

sys.path.insert(0, str(ROOT / "tests/oracles"))
from schema import StrictIntegers, tighten

# What a JSON object is, by the members that it has. The first one that fits counts.
KINDS = [
    ({"threadId", "messages"}, RunAgentInput),
    ({"interruptId"}, ResumeEntry),
    ({"id", "reason"}, Interrupt),
    ({"id", "role"}, Message),
    ({"name", "description", "parameters"}, Tool),
    ({"type"}, Event),
]


@functools.cache
def validator(kind):
    schema = TypeAdapter(kind).json_schema(by_alias=True)
    # The schema of a model without others is the definition itself.
    return StrictIntegers(tighten(schema if "$defs" in schema else {"$defs": {"value": schema}, "$ref": "#/$defs/value"}))


def json_block(block):
    """A block of JSON has one value, or one in each line. Each is valid by the protocol's models."""
    try:
        values = [json.loads(block.text)]
    except ValueError:
        try:
            values = [json.loads(line) for line in block.text.split("\n") if line.strip()]
        except ValueError as error:
            raise Failure(f"this is not JSON: {error}") from None
    for value in values:
        check_value(value)


def check_value(value):
    if not isinstance(value, dict):
        raise Failure("the JSON is not an object")
    kind = next((kind for members, kind in KINDS if members <= set(value)), None)
    if kind is None:
        raise Failure(f"KINDS does not say what JSON with the members {', '.join(value)} is")
    for error in validator(kind).iter_errors(value):
        where = "/".join(map(str, error.absolute_path)) or "the value"
        raise Failure(f"the protocol says of {where}: {error.message}")


def toml_block(block):
    """A block of TOML is a part of Cargo.toml: cargo reads it, and knows the features that it names."""
    try:
        value = tomllib.loads(block.text)
    except tomllib.TOMLDecodeError as error:
        raise Failure(f"this is not TOML: {error}") from None
    text = block.text
    dependencies = value if not any(isinstance(part, dict) and name in TABLES for name, part in value.items()) else {}
    if dependencies:
        text = f"[dependencies]\n{text}"
    manifest = f'{text}\n\n[package]\nname = "document"\nversion = "0.0.0"\nedition = "2024"\npublish = false\n\n[workspace]\n'
    if "[package]" in text:
        manifest = f"{text}\n\n[workspace]\n"
    manifest += patches()
    folder = SCRATCH / "toml"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(manifest)
    (folder / "src/main.rs").write_text("fn main() {}\n")
    (folder / "Cargo.lock").write_bytes((ROOT / "Cargo.lock").read_bytes())
    done = subprocess.run(
        ["cargo", "fetch", "--offline"], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, check=False,
    )
    warnings = [line for line in done.stderr.split("\n") if "unused manifest key" in line]
    if done.returncode or warnings:
        raise Failure("cargo does not accept this in a Cargo.toml", done.stderr)


TABLES = ("package", "dependencies", "dev-dependencies", "profile", "features", "workspace", "bin", "lib")


@functools.cache
def patches():
    """Takes the crates of this repository from their folders, because they are not on crates.io."""
    crates = sorted((ROOT / "crates").iterdir())
    lines = [f'{crate.name} = {{ path = "{crate}" }}' for crate in crates if (crate / "Cargo.toml").exists()]
    return "\n[patch.crates-io]\n" + "\n".join(lines) + "\n"


def yaml_block(block, world):
    """A block of YAML has properties of the function: cfn-lint reads template.yaml with them."""
    lines = re.sub(r"<FunctionName>-([\w-]+)", r"!Sub '${AWS::StackName}-\1'", block.text).split("\n")
    last = "      AutoPublishAlias: live\n"
    before, after = (ROOT / "template.yaml").read_text().split(last)
    changed = before + last + "".join(f"      {line}\n" for line in lines) + after
    file = world.project / "document-template.yaml"
    file.write_text(changed)
    done = subprocess.run([VENV / "bin/cfn-lint", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failure("cfn-lint does not accept this in template.yaml", done.stdout)
    alarms = (ROOT / "deploy/alarms.yaml").read_text()
    for alarm in re.findall(r"<FunctionName>-([\w-]+)", block.text):
        if f"AlarmName: !Sub ${{FunctionName}}-{alarm}\n" not in alarms:
            raise Failure(f"deploy/alarms.yaml has no alarm <FunctionName>-{alarm}")


def make_block(block, world):
    """A block of make is a Makefile: it has the targets of a deployment."""
    file = world.project / "document.mk"
    file.write_text(block.text + "\n")
    done = subprocess.run(
        ["make", "--dry-run", "--file", file.name, "deploy"], cwd=world.project, env=world.variables() | {"DOCUMENTS_ACCOUNT": ""},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    if done.returncode:
        raise Failure("make does not accept this Makefile", done.stdout)
