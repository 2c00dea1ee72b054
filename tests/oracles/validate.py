#!/usr/bin/env python3
"""Runs `ag-ui-validate` on recorded runs: the order of events, as a third party sees it.

It catches what schemas cannot (pairing, one terminal, results for calls, arguments that are JSON, patches that apply),
and knows protocol 0.x. Where 1.0 is more lenient its error is noted, not counted: see EXCEPTIONS, and nothing else is
forgiven. Where 1.0 is stricter its warning is counted as an error: see PROMOTED.

    validate.py FILE...           each recording is one thread of its own
    validate.py --thread FILE...  the recordings are runs of threads, in order: those with one threadId belong together
                                  (a later one may answer a call that an earlier one left open)
    validate.py --no-exceptions   nothing is forgiven
    validate.py --self-test       prove that broken streams are refused, and exceptions forgiven narrowly

Exit 0 when all is well, 1 with a line for each error, 2 on bad usage.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

from ag_ui_validate.transport import TransportOptions, validate_body
from ag_ui_validate.types import Diagnostic, ValidatorOptions

from sse import read_events

PROMOTED = {
    "AGUI008": "error",  # thread and run id of RUN_FINISHED are those of RUN_STARTED: 1.0 demands it
    "AGUI402": "error",  # reasoning still open at RUN_FINISHED: fatal in the 1.0 client
}


class Disagreement(NamedTuple):
    """A place where ag-ui-validate 0.4.0 calls an error what protocol 1.0 allows."""

    rules: tuple[str, ...]
    reason: str
    applies: Callable[[list[Any], int], bool]
    """Whether it covers the event at this index of this thread's events."""


def _has_content_parts(events: list[Any], index: int) -> bool:
    event = events[index]
    return event.get("type") == "TOOL_CALL_RESULT" and isinstance(event.get("content"), list)


def _answers_an_earlier_run(events: list[Any], index: int) -> bool:
    """Whether the call was completed in an earlier run of the thread and this is its first result."""
    starts = [at for at, event in enumerate(events[:index]) if event.get("type") == "RUN_STARTED"]
    before = events[: starts[-1]] if starts else []
    call = events[index].get("toolCallId")
    seen = {(event.get("type"), event.get("toolCallId")) for event in before}
    answered = any(e.get("type") == "TOOL_CALL_RESULT" and e.get("toolCallId") == call for e in events[:index])
    return ("TOOL_CALL_END", call) in seen and not answered


def _reopens_with_same_role(events: list[Any], index: int) -> bool:
    """A START after an END of the same id, or what follows it: the rule takes no note of that START."""
    event = events[index]
    history = [e for e in events[:index] if e.get("messageId") == event.get("messageId")]
    edges = [e.get("type") for e in history if e.get("type") in ("TEXT_MESSAGE_START", "TEXT_MESSAGE_END")]
    starts = [e for e in [*history, event] if e.get("type") == "TEXT_MESSAGE_START"]
    expected = "TEXT_MESSAGE_END" if event.get("type") == "TEXT_MESSAGE_START" else "TEXT_MESSAGE_START"
    same_role = len({e.get("role", "assistant") for e in starts}) == 1
    return same_role and len(starts) > 1 and edges[-1:] == [expected]


def _is_late_run_error(events: list[Any], index: int) -> bool:
    return events[index].get("type") == "RUN_ERROR" and events[index - 1].get("type") == "RUN_FINISHED"


def _is_cut_off_by_the_end(events: list[Any], index: int) -> bool:
    """Whether the run was stopped or failed while the arguments were written, and says so as the call's result."""
    call = events[index].get("toolCallId")
    ends = [at for at, event in enumerate(events) if at > index and event.get("type") in ("RUN_FINISHED", "RUN_ERROR")]
    rest = events[index + 1 : ends[0]] if ends else []
    is_answered = any(e.get("toolCallId") == call and e.get("content") == UNFINISHED for e in rest)
    # The RUN_FINISHED of a run that answers an interrupt has its RUN_ERROR right behind it.
    last = [events[at] for at in ends if at <= ends[0] + 1]
    is_stopped = any(e.get("type") == "RUN_ERROR" or (e.get("outcome") or {}).get("type") == "cancelled" for e in last)
    return is_answered and is_stopped


UNFINISHED = '{"error":"The run ended before this tool finished."}'

EXCEPTIONS = [
    Disagreement(("AGUI504",), "1.0 allows content parts as the content of a tool result", _has_content_parts),
    Disagreement(
        ("AGUI207",),
        "a resumed run answers the call of the run that was interrupted, and does not repeat the call; the rule looks "
        "at one run at a time, even in a stream of several",
        _answers_an_earlier_run,
    ),
    Disagreement(
        ("AGUI104", "AGUI101", "AGUI102"),
        "1.0 lets a closed message be reopened by the same id and role",
        _reopens_with_same_role,
    ),
    Disagreement(
        ("AGUI204",),
        "1.0 asks nothing of the arguments of a call that a run left unfinished when it was stopped or failed",
        _is_cut_off_by_the_end,
    ),
    Disagreement(("AGUI005",), "1.0 admits RUN_ERROR directly after RUN_FINISHED", _is_late_run_error),
]


class Verdict(NamedTuple):
    errors: list[str]
    notes: list[str]


def judge(recordings: list[bytes], *, forgive: bool = True) -> Verdict:
    """Judges consecutive runs of one thread."""
    data = b"".join(recordings)
    report = asyncio.run(_validate(data))
    # Indices of diagnostics count events, and so do these as long as the framing is sound.
    read, faults = read_events(data)
    events = [event.value if isinstance(event.value, dict) else {} for event in read]
    verdict = Verdict(errors=list(faults), notes=[])
    verdict.errors.extend(f"internal error of ag-ui-validate: {error}" for error in report.internal_errors)
    if not report.event_count:
        verdict.errors.append("no event was seen")
    for finding in report.diagnostics:
        excuse = _excuse(finding, events) if forgive and not faults else None
        where = read[finding.event_index].at if 0 <= finding.event_index < len(read) else "stream"
        line = f"{where}: {finding.rule} {finding.severity} {finding.message}"
        if excuse is not None:
            verdict.notes.append(f"{line} [allowed: {excuse}]")
        elif finding.severity == "error":
            verdict.errors.append(line)
        elif finding.severity == "warning":
            verdict.notes.append(line)
    return verdict


def _thread(recording: bytes) -> str | None:
    """The threadId of the first event."""
    read, _faults = read_events(recording)
    first = read[0].value if read and isinstance(read[0].value, dict) else {}
    thread = first.get("threadId")
    return thread if isinstance(thread, str) else None


def _excuse(finding: Diagnostic, events: list[Any]) -> str | None:
    if finding.severity != "error" or not 0 <= finding.event_index < len(events):
        return None
    for exception in EXCEPTIONS:
        about_content = finding.rule != "AGUI504" or finding.pointer == "/content"
        if finding.rule in exception.rules and about_content and exception.applies(events, finding.event_index):
            return exception.reason
    return None


async def _validate(data: bytes) -> Any:
    async def body() -> AsyncIterator[bytes]:
        yield data

    # The content type makes the reader take it as SSE, whatever it looks like.
    options = TransportOptions(validator=ValidatorOptions(severity_overrides=PROMOTED), recorded=True)
    return (await validate_body(body(), "text/event-stream", options)).report


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs ag-ui-validate on recorded AG-UI streams.")
    parser.add_argument("--thread", action="store_true", help="files with one threadId are runs of one thread")
    parser.add_argument("--no-exceptions", action="store_true", help="forgive nothing")
    parser.add_argument("--self-test", action="store_true", help="prove that broken streams are refused")
    parser.add_argument("files", metavar="FILE", nargs="*", help="recorded .sse")
    options = parser.parse_args()
    if options.self_test:
        from validate_self_test import run

        return run()
    if not options.files:
        parser.error("name at least one recording")

    groups: dict[object, list[tuple[str, bytes]]] = {}
    for place, file in enumerate(options.files):
        try:
            recording = Path(file).read_bytes()
        except OSError as error:
            parser.error(str(error))
        groups.setdefault(_thread(recording) if options.thread else place, []).append((file, recording))

    code = 0
    for group in groups.values():
        name = " + ".join(file for file, _ in group)
        verdict = judge([recording for _, recording in group], forgive=not options.no_exceptions)
        for line in verdict.notes:
            print(f"{name}: note: {line}")
        for line in verdict.errors:
            print(f"{name}: {line}")
        print(f"{name}: {f'{len(verdict.errors)} error(s)' if verdict.errors else 'ok'}")
        code = 1 if verdict.errors else code
    return code


if __name__ == "__main__":
    sys.exit(main())
