// Proves that frames.mjs accepts a good stream and refuses each way of being broken.
//
// An oracle that never says no proves nothing. Each row breaks the good stream in one place and names the place that
// the complaint has to mention, so that a row cannot pass for a wrong reason.

import { streamFaults } from "./frames.mjs";

const ids = { threadId: "t1", runId: "r1" };
const patch = [{ op: "replace", path: "/city", value: null, left: "over" }];
const good = [
  { type: "RUN_STARTED", timestamp: 1760000000000, ...ids, protocolVersion: "1.0" },
  { type: "REASONING_START", messageId: "s1" },
  { type: "REASONING_MESSAGE_START", messageId: "s1", role: "reasoning" },
  { type: "REASONING_MESSAGE_CONTENT", messageId: "s1", delta: "hm — ünï ✓" },
  { type: "REASONING_MESSAGE_END", messageId: "s1" },
  { type: "REASONING_END", messageId: "s1" },
  { type: "TOOL_CALL_START", toolCallId: "c1", toolCallName: "get_weather", parentMessageId: "m1" },
  { type: "TOOL_CALL_ARGS", toolCallId: "c1", delta: '{"location":"Tokyo"}' },
  { type: "TOOL_CALL_END", toolCallId: "c1", metadata: { open: { by: null } } },
  { type: "TOOL_CALL_RESULT", messageId: "m2", toolCallId: "c1", content: [{ type: "text", text: "22" }] },
  { type: "STATE_SNAPSHOT", snapshot: { anything: [null, 1.5] } },
  { type: "STATE_DELTA", delta: patch },
  { type: "CUSTOM", name: "com.example.note", value: null },
  {
    type: "RUN_FINISHED",
    ...ids,
    outcome: { type: "success", pendingToolCallIds: ["c2"] },
    usage: [{ provider: "scripted", model: "demo", inputTokens: 3 }],
  },
];

const frame = (event) => `data: ${JSON.stringify(event)}\n\n`;
const stream = (events) => events.map(frame).join("");
/** The good stream with the event at `index` (from the end when negative) changed. */
const changed = (index, change) => stream(good.with(index, { ...good.at(index), ...change }));
const without = (index, key) => changed(index, { [key]: undefined });
const text = stream(good);

const broken = [
  ["null on an optional field", changed(0, { parentRunId: null }), "/parentRunId"],
  ["null metadata", changed(8, { metadata: null }), "/metadata"],
  ["null rawEvent", changed(1, { rawEvent: null }), "/rawEvent"],
  ["null outcome", changed(-1, { outcome: null }), "/outcome"],
  ["null result", changed(-1, { result: null }), "/result"],
  ["float timestamp", changed(0, { timestamp: 1760000000000.5 }), "/timestamp"],
  ["timestamp as text", changed(0, { timestamp: "2026-01-01T00:00:00Z" }), "/timestamp"],
  ["timestamp past 2^53", changed(0, { timestamp: 2 ** 60 }), "/timestamp"],
  ["unknown key at top level", changed(0, { agent: "x" }), "/agent is not in the schema"],
  ["unknown key with a name of Object.prototype", changed(0, { toString: "x" }), "/toString is not in the schema"],
  ["unknown key in the outcome", changed(-1, { outcome: { type: "success", reason: "x" } }), "/outcome/reason"],
  ["unknown key in usage", changed(-1, { usage: [{ tokens: 1 }] }), "/usage/0/tokens"],
  ["unknown key in a content part", changed(9, { content: [{ type: "text", text: "a", x: 1 }] }), "/content/0/x"],
  ["run ids on a text event", changed(7, { threadId: "t1" }), "/threadId"],
  ["error field on a result", changed(9, { error: "no" }), "/error"],
  ["attribution on a run event", changed(-1, { subagentRunId: "s" }), "/subagentRunId"],
  ["missing role on REASONING_MESSAGE_START", without(2, "role"), "/role"],
  ["missing required field", without(7, "delta"), "/delta"],
  ["missing value in a patch", changed(11, { delta: [{ op: "add", path: "/a" }] }), "/delta/0"],
  ["pointer without leading slash", changed(11, { delta: [{ op: "remove", path: "a" }] }), "/delta/0/path"],
  ["snake_case key", frame({ type: "RUN_STARTED", thread_id: "t1", run_id: "r1" }), "/thread_id"],
  ["unknown event type", stream([...good, { type: "META", name: "x" }]), "/type"],
  ["event type in another case", frame({ type: "RunStarted", ...ids }), "/type"],
  ["negative token count", changed(-1, { usage: [{ inputTokens: -1 }] }), "/usage/0/inputTokens"],
  ["interrupt outcome without interrupts", changed(-1, { outcome: { type: "interrupt", interrupts: [] } }), "/outcome"],
  ["array instead of an event", "data: []\n\n", "frame 1"],
  ["CRLF lines", text.replaceAll("\n", "\r\n"), "carriage return"],
  ["event: line", text.replace("data: ", "event: x\ndata: "), "more than one line"],
  ["id: frame", `id: 1\n\n${text}`, "neither"],
  ["data without the space", text.replace("data: ", "data:"), "neither"],
  ["comment inside a frame", text.replace("\n\n", "\n: keep-alive\n\n"), "more than one line"],
  ["two data lines in one frame", text.replace("}\n\ndata: ", "}\ndata: "), "more than one line"],
  ["three line feeds", text.replace("\n\n", "\n\n\n"), "blank line"],
  ["truncated frame", text.slice(0, -20), "ends inside a frame"],
  ["last frame with one line feed", text.slice(0, -1), "ends inside a frame"],
  ["a foreign error body", `${text}{"errorType":"Runtime.Crash"}\n\n`, "neither"],
  ["NULs in the body", `\0\0\0\0\0\0\0\0${text}`, "neither"],
  ["byte order mark", `\uFEFF${text}`, "byte order mark"],
  ["invalid UTF-8", Buffer.concat([Buffer.from(text), Buffer.from([0xc3, 0x28, 10, 10])]), "UTF-8"],
  ["empty stream", "", "empty"],
  ["comments only", ": keep-alive\n\n", "no event"],
];

export function run() {
  const failures = [];
  const expect = (why, faults, isRight) => {
    if (!isRight) failures.push(`${why}: got ${JSON.stringify(faults)}`);
  };
  for (const [why, bytes] of [["good", text], ["good with comments", `: hello\n\n${text}: keep-alive\n\n`]]) {
    const faults = streamFaults(Buffer.from(bytes));
    expect(why, faults, faults.length === 0);
  }
  for (const [why, bytes, place] of broken) {
    const faults = streamFaults(Buffer.from(bytes));
    expect(why, faults, faults.some((fault) => fault.includes(place)));
  }
  failures.forEach((failure) => console.log(`self-test: ${failure}`));
  console.log(`frames.mjs self-test: ${failures.length ? "FAILED" : "ok"}, ${broken.length} broken streams`);
  return failures.length ? 1 : 0;
}
