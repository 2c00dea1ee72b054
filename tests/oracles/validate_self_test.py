"""Proves that validate.py accepts good runs, refuses broken ones and forgives no more than its exceptions say."""

from __future__ import annotations

from typing import Any

from sse import write_events
from validate import judge

Events = list[dict[str, Any]]

START = {"type": "RUN_STARTED", "threadId": "t1", "runId": "r1", "protocolVersion": "1.0"}
FINISH = {"type": "RUN_FINISHED", "threadId": "t1", "runId": "r1", "outcome": {"type": "success"}}
CALL: Events = [
    {"type": "TOOL_CALL_START", "toolCallId": "c1", "toolCallName": "get_weather", "parentMessageId": "m1"},
    {"type": "TOOL_CALL_ARGS", "toolCallId": "c1", "delta": '{"location":'},
    {"type": "TOOL_CALL_ARGS", "toolCallId": "c1", "delta": '"Tokyo"}'},
    {"type": "TOOL_CALL_END", "toolCallId": "c1"},
]
RESULT = {"type": "TOOL_CALL_RESULT", "messageId": "m2", "toolCallId": "c1", "content": "22", "role": "tool"}
TEXT: Events = [
    {"type": "TEXT_MESSAGE_START", "messageId": "m3", "role": "assistant"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m3", "delta": "22 degrees."},
    {"type": "TEXT_MESSAGE_END", "messageId": "m3"},
]
ERROR = {"type": "RUN_ERROR", "message": "the model is not available", "code": "MODEL_UNAVAILABLE"}
STEP = {"type": "STEP_STARTED", "stepName": "think"}
REASONING = {"type": "REASONING_MESSAGE_START", "messageId": "s1", "role": "reasoning"}
PATCH = {"type": "STATE_DELTA", "delta": [{"op": "replace", "path": "/absent", "value": 1}]}
SNAPSHOT = {"type": "STATE_SNAPSHOT", "snapshot": {}}
PARTS = RESULT | {"content": [{"type": "text", "text": "22"}]}

GOOD = [START, *CALL, RESULT, *TEXT, FINISH]
INTERRUPT = {"type": "interrupt", "interrupts": [{"id": "i1", "reason": "tool_call", "toolCallId": "c1"}]}
PENDING = [START, *CALL, FINISH | {"outcome": INTERRUPT}]
SECOND = {"threadId": "t1", "runId": "r2"}
RESUMED = [START | SECOND, RESULT, *TEXT, FINISH | SECOND]
LEFT_OPEN = [START, *CALL, FINISH]
CONTINUED = [START | SECOND, *TEXT, FINISH | SECOND]
WRONG_CALL = [START | SECOND, RESULT | {"toolCallId": "c9"}, FINISH | SECOND]
CUT_OFF = [START, *CALL[:2], CALL[3], RESULT | {"content": '{"error":"The run ended before this tool finished."}'}]
CANCELLED = FINISH | {"outcome": {"type": "cancelled"}}
NO_ID = {key: value for key, value in PARTS.items() if key != "messageId"}
OTHER_ROLE = TEXT[0] | {"role": "user"}

ACCEPTED: list[tuple[str, list[Events], bool]] = [
    ("a tool run", [GOOD], False),
    ("a call left to the front end, then its answer", [LEFT_OPEN, CONTINUED], False),
    ("a run that fails with a message open", [[START, *TEXT[:2], ERROR]], False),
    ("result before the end of the run's text", [[START, *CALL, *TEXT[:2], RESULT, TEXT[2], FINISH]], False),
    # The exceptions: an error without them.
    ("content parts", [[START, *CALL, PARTS, *TEXT, FINISH]], True),
    ("a resumed run answers the interrupted one", [PENDING, RESUMED], True),
    ("a message is reopened", [[START, *TEXT, *TEXT, FINISH]], True),
    ("a late RUN_ERROR", [[*GOOD, ERROR]], True),
    ("arguments that a stop has cut off", [[*CUT_OFF, CANCELLED]], True),
    ("arguments that a failure has cut off", [[*CUT_OFF, ERROR]], True),
    ("arguments that a late failure has cut off", [[*CUT_OFF, FINISH, ERROR]], True),
]

BROKEN: list[tuple[str, list[Events], str]] = [
    ("no terminal event", [GOOD[:-1]], "AGUI003"),
    ("first event is not RUN_STARTED", [GOOD[1:]], "AGUI001"),
    ("two RUN_STARTED", [[START, *GOOD]], "AGUI002"),
    ("text after the terminal event", [[*GOOD, *TEXT]], "AGUI004"),
    ("RUN_FINISHED after RUN_ERROR", [[START, ERROR, FINISH]], "AGUI005"),
    ("another run id at the end", [[START, *TEXT, FINISH | {"runId": "r9"}]], "AGUI008"),
    ("another thread id at the end", [[START, *TEXT, FINISH | {"threadId": "t9"}]], "AGUI008"),
    ("CONTENT without START", [[START, *TEXT[1:], FINISH]], "AGUI101"),
    ("END without START", [[START, TEXT[2], FINISH]], "AGUI102"),
    ("message open at the end", [[START, *TEXT[:2], FINISH]], "AGUI103"),
    ("START of an open message", [[START, TEXT[0], *TEXT, FINISH]], "AGUI106"),
    ("ARGS without START", [[START, *CALL[1:], FINISH]], "AGUI201"),
    ("call open at the end", [[START, *CALL[:-1], FINISH]], "AGUI203"),
    ("arguments are not JSON", [[START, *CALL[:2], CALL[3], RESULT, FINISH]], "AGUI204"),
    ("a call started twice", [[START, *CALL, *CALL, FINISH]], "AGUI205"),
    ("result for an unknown call", [[START, RESULT, FINISH]], "AGUI207"),
    ("step open at the end", [[START, STEP, FINISH]], "AGUI007"),
    ("reasoning open at the end", [[START, REASONING, FINISH]], "AGUI402"),
    ("a patch that does not apply", [[START, SNAPSHOT, PATCH, FINISH]], "AGUI302"),
    ("unknown event type", [[START, {"type": "META"}, {"type": "RunFinished"}, FINISH]], "AGUI503"),
    ("missing field", [[START, {"type": "TEXT_MESSAGE_START"}, FINISH]], "AGUI504"),
    # Just outside the exceptions.
    ("result content is an object", [[START, *CALL, RESULT | {"content": {}}, FINISH]], "AGUI504"),
    ("parts, but no message id", [[START, *CALL, NO_ID, FINISH]], "AGUI504"),
    ("resumed run answers another call", [PENDING, WRONG_CALL], "AGUI207"),
    ("a call is answered twice, in two runs", [GOOD, RESUMED], "AGUI207"),
    ("arguments cut off, and the run succeeds", [[*CUT_OFF, FINISH]], "AGUI204"),
    ("arguments cut off, and the tool has run", [[START, *CALL[:2], CALL[3], RESULT, CANCELLED]], "AGUI204"),
    ("a message is reopened in another role", [[START, *TEXT, OTHER_ROLE, TEXT[2], FINISH]], "AGUI104"),
]

BYTES = write_events(GOOD)
BROKEN_BYTES: list[tuple[str, bytes, str]] = [
    ("empty stream", b"", "no event"),
    ("comments only", b": keep-alive\n\n", "no event"),
    ("data is not JSON", BYTES + b"data: {\n\n", "AGUI502"),
    ("CRLF lines", BYTES.replace(b"\n", b"\r\n"), "carriage return"),
    ("truncated frame", BYTES[:-20], "ends inside a frame"),
]


def run() -> int:
    failures = []
    for why, runs, needs_exception in ACCEPTED:
        recordings = [write_events(events) for events in runs]
        errors = judge(recordings).errors
        if errors:
            failures.append(f"{why}: refused: {errors}")
        if needs_exception != bool(judge(recordings, forgive=False).errors):
            failures.append(f"{why}: {'needs no exception any more' if needs_exception else 'needs an exception'}")
    broken = [(why, [write_events(events) for events in runs], sign) for why, runs, sign in BROKEN]
    broken += [(why, [data], sign) for why, data, sign in BROKEN_BYTES]
    for why, recordings, sign in broken:
        errors = judge(recordings).errors
        if not any(sign in error for error in errors):
            failures.append(f"{why}: expected {sign}, got {errors}")
    for failure in failures:
        print(f"self-test: {failure}")
    counts = f"{len(ACCEPTED)} good and {len(broken)} broken streams"
    print(f"validate.py self-test: {'FAILED' if failures else 'ok'}, {counts}")
    return 1 if failures else 0
