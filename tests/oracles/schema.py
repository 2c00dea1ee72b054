#!/usr/bin/env python3
"""Proves that every frame is what the Python package `ag-ui-protocol` says an event is.

The TypeScript schemas (frames.mjs) and these models are generated apart, so a fault that one lets pass the other may
catch; this one also tells `1.0` from `1` and sees duplicate keys. The models themselves would be too kind: they keep
unknown keys, fill in a missing `role`, and read null as absent. So they are not asked to parse; their JSON Schema is
generated, tightened to what 1.0 lets a producer send (see `tighten`), and the frames are validated against that.

    schema.py FILE...                check recordings (- or nothing reads stdin)
    schema.py --also SCHEMA FILE...  and against a second JSON Schema whose root describes any event
    schema.py --print                print the schema, for those who validate by the million
    schema.py --self-test            prove that broken streams are refused (with --also: by that schema as well)

Exit 0 when all is well, 1 with a line for each fault, 2 on bad usage.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ag_ui.core import Event
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from pydantic import TypeAdapter

from sse import read_events

# JSON Schema counts 1.0 as an integer; the protocol's readers in typed languages do not.
StrictIntegers = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def events_schema() -> dict[str, Any]:
    """The schema of any event a producer may send, made from the models."""
    return tighten(TypeAdapter(Event).json_schema(by_alias=True))


def tighten(schema: dict[str, Any]) -> dict[str, Any]:
    """Turns what the models accept into what the protocol lets a producer send.

    * A model's object is closed: the models are open (`extra="allow"`) so that a reader may warn about strangers. The
      RFC 6902 operations stay open, as RFC 6902 section 4 demands. Open maps (`metadata`, ...) are no models.
    * An optional field (default None) is absent or has a value, never null: section "serialisation" of the protocol.
    * A constant with a default (`type`, `role`, `op`) is required: the default is a comfort of the constructor.
    * A discriminated union becomes a choice by its discriminator, which says the same and gives readable faults.
    """
    for name, definition in schema["$defs"].items():
        required = set(definition.get("required", []))
        for key, field in definition.get("properties", {}).items():
            if "const" in field and "default" in field:
                required.add(key)
            elif "default" in field and field["default"] is None:
                field["anyOf"] = [{"not": {"type": "null"}} if not branch else branch for branch in field["anyOf"]]
                field["anyOf"].remove({"type": "null"})
        definition["required"] = sorted(required)
        definition["additionalProperties"] = name.endswith("Operation")
    return _choose_by_discriminator(schema)


def _choose_by_discriminator(node: Any) -> Any:
    if isinstance(node, list):
        return [_choose_by_discriminator(child) for child in node]
    if not isinstance(node, dict):
        return node
    node = {key: _choose_by_discriminator(child) for key, child in node.items()}
    if "discriminator" in node and "oneOf" in node:
        tag, choices = node["discriminator"]["propertyName"], node["discriminator"]["mapping"]
        del node["discriminator"], node["oneOf"]
        node |= {"type": "object", "required": [tag], "properties": {tag: {"enum": sorted(choices)}}}
        node["allOf"] = [
            {"if": {"required": [tag], "properties": {tag: {"const": value}}}, "then": {"$ref": target}}
            for value, target in choices.items()
        ]
    return node


class Oracle:
    """One schema, ready to judge events."""

    def __init__(self, name: str, schema: dict[str, Any]) -> None:
        self.name = name
        StrictIntegers.check_schema(schema)
        self.validator = StrictIntegers(schema)

    def faults(self, event: Any) -> list[str]:
        found = [cause for error in self.validator.iter_errors(event) for cause in causes(error)]
        return sorted({f"/{'/'.join(map(str, e.absolute_path))} {_short(e.message)} ({self.name})" for e in found})


def causes(error: ValidationError) -> list[ValidationError]:
    """What is really wrong, where a union only says that none of its branches fits.

    The branch that was meant is the one whose constants (`type`, `op`, ...) all agree.
    """
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or []:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    meant = [branch for branch in branches.values() if not any(inner.validator == "const" for inner in branch)]
    return [cause for inner in meant[0] for cause in causes(inner)] if len(meant) == 1 else [error]


def _short(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:197]}..."


def stream_faults(data: bytes, oracles: list[Oracle]) -> list[str]:
    events, faults = read_events(data)
    return faults + [
        f"{event.at}: {fault}" for event in events for oracle in oracles for fault in oracle.faults(event.value)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Validates recorded AG-UI streams frame by frame.")
    parser.add_argument("--also", metavar="SCHEMA", type=Path, help="a second JSON Schema file for any event")
    parser.add_argument("--print", action="store_true", help="print the schema of an event")
    parser.add_argument("--self-test", action="store_true", help="prove that broken streams are refused")
    parser.add_argument("files", metavar="FILE", nargs="*", default=["-"], help="recorded .sse, - for stdin")
    options = parser.parse_args()

    if options.print:
        print(json.dumps(events_schema()))
        return 0

    oracles = [Oracle("ag-ui-protocol", events_schema())]
    if options.also:
        try:
            oracles.append(Oracle(options.also.name, json.loads(options.also.read_text())))
        except (OSError, ValueError) as error:
            parser.error(f"--also: {error}")
    if options.self_test:
        from schema_self_test import run

        return run(oracles)

    code = 0
    for file in options.files:
        try:
            data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        except OSError as error:
            parser.error(str(error))
        faults = stream_faults(data, oracles)
        for fault in faults:
            print(f"{file}: {fault}")
        print(f"{file}: {f'{len(faults)} fault(s)' if faults else 'ok'}")
        code = 1 if faults else code
    return code


if __name__ == "__main__":
    sys.exit(main())
