"""Proves that schema.py accepts a good stream and refuses each way of being broken.

Every oracle is tried alone, so a second schema cannot hide behind the first. A row names the place that the complaint
has to mention, so that it cannot pass for a wrong reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sse import write_events

if TYPE_CHECKING:
    from schema import Oracle

IDS = {"threadId": "t1", "runId": "r1"}
GOOD: list[dict[str, Any]] = [
    {"type": "RUN_STARTED", "timestamp": 1760000000000, **IDS, "protocolVersion": "1.0"},
    {"type": "REASONING_START", "messageId": "s1"},
    {"type": "REASONING_MESSAGE_START", "messageId": "s1", "role": "reasoning"},
    {"type": "REASONING_MESSAGE_CONTENT", "messageId": "s1", "delta": "hm — ünï ✓"},
    {"type": "REASONING_MESSAGE_END", "messageId": "s1"},
    {"type": "REASONING_END", "messageId": "s1"},
    {"type": "TEXT_MESSAGE_START", "messageId": "m1", "role": "assistant"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m1", "delta": ""},
    {"type": "TEXT_MESSAGE_END", "messageId": "m1", "metadata": {"open": {"by": None}}},
    {"type": "TOOL_CALL_START", "toolCallId": "c1", "toolCallName": "get_weather", "parentMessageId": "m1"},
    {"type": "TOOL_CALL_END", "toolCallId": "c1"},
    {"type": "TOOL_CALL_RESULT", "messageId": "m2", "toolCallId": "c1", "content": [{"type": "text", "text": "22"}]},
    {"type": "TOOL_CALL_RESULT", "messageId": "m3", "toolCallId": "c1", "content": "22", "role": "tool"},
    {"type": "STATE_SNAPSHOT", "snapshot": None},
    {"type": "STATE_DELTA", "delta": [{"op": "remove", "path": "/a", "value": "left over"}]},
    {"type": "CUSTOM", "name": "com.example.note", "value": None},
    {"type": "RUN_FINISHED", **IDS, "outcome": {"type": "success", "pendingToolCallIds": ["c2"]}, "usage": [{}]},
]
END = len(GOOD) - 1


def changed(index: int, *without: str, **change: Any) -> bytes:
    """The good stream with one event changed, or robbed of a key."""
    event = {key: value for key, value in (GOOD[index] | change).items() if key not in without}
    return write_events([*GOOD[:index], event, *GOOD[index + 1 :]])


# Broken shape: each schema has to see these by itself.
BROKEN_EVENTS: list[tuple[str, bytes, str]] = [
    ("null on an optional field", changed(0, parentRunId=None), "/parentRunId"),
    ("null metadata", changed(1, metadata=None), "/metadata"),
    ("null rawEvent", changed(1, rawEvent=None), "/rawEvent"),
    ("null timestamp", changed(1, timestamp=None), "/timestamp"),
    ("null result", changed(END, result=None), "/result"),
    ("null outcome", changed(END, outcome=None), "/outcome"),
    ("float timestamp", changed(0, timestamp=1760000000000.5), "/timestamp"),
    ("whole float timestamp", changed(0, timestamp=1760000000000.0), "/timestamp"),
    ("timestamp as text", changed(0, timestamp="2026-01-01T00:00:00Z"), "/timestamp"),
    ("whole float token count", changed(END, usage=[{"inputTokens": 3.0}]), "/usage/0/inputTokens"),
    ("negative token count", changed(END, usage=[{"inputTokens": -3}]), "/usage/0/inputTokens"),
    ("unknown key at top level", changed(0, agent="x"), "agent"),
    ("unknown key in the outcome", changed(END, outcome={"type": "success", "reason": "x"}), "/outcome"),
    ("unknown key in usage", changed(END, usage=[{"tokens": 1}]), "/usage/0"),
    ("unknown key in a content part", changed(11, content=[{"type": "text", "text": "a", "x": 1}]), "/content"),
    ("run ids on a text event", changed(6, threadId="t1"), "threadId"),
    ("error field on a result", changed(12, error="no"), "error"),
    ("attribution on a run event", changed(END, subagentRunId="s"), "subagentRunId"),
    ("missing role on REASONING_MESSAGE_START", changed(2, "role"), "role"),
    ("wrong role on a result", changed(12, role="assistant"), "/role"),
    ("missing required field", changed(7, "delta"), "delta"),
    ("missing value in a patch", changed(14, delta=[{"op": "add", "path": "/a"}]), "/delta/0"),
    ("pointer without leading slash", changed(14, delta=[{"op": "remove", "path": "a"}]), "/delta/0/path"),
    ("snake_case keys", write_events([{"type": "RUN_STARTED", "thread_id": "t1", "run_id": "r1"}]), "thread_id"),
    ("unknown event type", changed(1, type="META"), "/type"),
    ("missing event type", changed(1, "type"), "type"),
    ("unknown outcome", changed(END, outcome={"type": "paused"}), "/outcome"),
    ("interrupt without interrupts", changed(END, outcome={"type": "interrupt", "interrupts": []}), "/outcome"),
    ("an array, not an event", write_events([[]]), "frame 1"),
]

TEXT = write_events(GOOD)
# Broken bytes: the reader refuses these before any schema is asked.
BROKEN_BYTES: list[tuple[str, bytes, str]] = [
    ("key twice", b'data: {"type":"RUN_ERROR","message":"a","message":"b"}\n\n', "occurs twice"),
    ("NaN", b'data: {"type":"CUSTOM","name":"a.b","value":NaN}\n\n', "NaN is not JSON"),
    ("CRLF lines", TEXT.replace(b"\n", b"\r\n"), "carriage return"),
    ("event: line", b"event: x\n" + TEXT, "is not exactly one"),
    ("truncated frame", TEXT[:-20], "ends inside a frame"),
    ("invalid UTF-8", TEXT + b"data: \xc3\x28\n\n", "UTF-8"),
    ("empty stream", b"", "empty"),
]


def run(oracles: list[Oracle]) -> int:
    from schema import stream_faults

    failures = []
    for oracle in oracles:
        faults = stream_faults(b": hello\n\n" + TEXT, [oracle])
        if faults:
            failures.append(f"good stream refused by {oracle.name}: {faults}")
        for why, data, place in BROKEN_EVENTS + BROKEN_BYTES:
            faults = stream_faults(data, [oracle])
            # A second schema may be built of plain unions, which only say that no branch fits: any refusal will do.
            if not any(place in fault for fault in faults) and (oracle is oracles[0] or not faults):
                failures.append(f"{why} ({oracle.name}): got {faults}")
    for failure in failures:
        print(f"self-test: {failure}")
    count = len(BROKEN_EVENTS) + len(BROKEN_BYTES)
    print(f"schema.py self-test: {'FAILED' if failures else 'ok'}, {count} broken streams for each schema")
    return 1 if failures else 0
