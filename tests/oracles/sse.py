"""Reads and writes recorded event streams for the Python oracles.

Kept apart so that schema.py and validate.py agree on what a frame is. Stricter than SSE: a frame is one `data: ` line
or one comment, lines end in LF, the stream ends in a blank line. JSON is read without mercy, too: a key that occurs
twice in an object is a fault, which most parsers pass over in silence.
"""

import json
from typing import Any, NamedTuple


class Event(NamedTuple):
    at: str
    """Where it stands, for messages: `frame 3`, counted from 1, comments included."""
    value: Any


def read_events(data: bytes) -> tuple[list[Event], list[str]]:
    """The events of a recording, and the faults of its framing and JSON."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return [], [f"stream: not valid UTF-8 at byte {error.start}"]
    events: list[Event] = []
    faults: list[str] = []
    if "\r" in text:
        faults.append("stream: holds a carriage return; lines end in LF only")
    if not text.endswith("\n\n"):
        faults.append("stream: is empty" if not text else "stream: ends inside a frame (no final blank line)")
    for number, frame in enumerate(text.removesuffix("\n\n").split("\n\n") if text else [], 1):
        at = f"frame {number}"
        if frame.startswith(":") and "\n" not in frame:
            continue
        if "\n" in frame or not frame.startswith("data: "):
            faults.append(f"{at}: is not exactly one data line or one comment")
            continue
        try:
            value = json.loads(frame.removeprefix("data: "), object_pairs_hook=_object, parse_constant=_no_constant)
        except ValueError as error:
            faults.append(f"{at}: {error}")
        else:
            events.append(Event(at, value))
    if not events and not faults:
        faults.append("stream: holds no event")
    return events, faults


def write_events(events: list[Any]) -> bytes:
    """A recording that holds `events`, as the self-tests need it."""
    return "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice in one object")
    return result


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
