import assert from "node:assert/strict";
import { test } from "node:test";

import { createChunkExpander } from "../chunks.js";
import { applyEvent, createThread, messagesToSend } from "../thread.js";

/** The thread after these events, `[type, fields]`, and the warnings. */
function play(events, thread = createThread("t")) {
  const expand = createChunkExpander();
  const warnings = [];
  events.forEach(([type, fields], index) => {
    for (const event of expand({ type, ...fields })) {
      const warning = applyEvent(thread, event, index);
      if (warning) warnings.push(warning);
    }
  });
  return { thread, warnings };
}

const call = (id, name, parentMessageId, args = "{}") => [
  ["TOOL_CALL_START", { toolCallId: id, toolCallName: name, parentMessageId }],
  ["TOOL_CALL_ARGS", { toolCallId: id, delta: args.slice(0, 1) }],
  ["TOOL_CALL_ARGS", { toolCallId: id, delta: args.slice(1) }],
  ["TOOL_CALL_END", { toolCallId: id }],
];
const run = (...events) => [["RUN_STARTED", { threadId: "t", runId: "r" }], ...events.flat()];
const finished = (outcome) => [["RUN_FINISHED", { threadId: "t", runId: "r", ...(outcome && { outcome }) }]];

test("a text and the calls of its turn are one message", () => {
  const { thread } = play([
    ["TEXT_MESSAGE_START", { messageId: "m", role: "assistant", name: "bot" }],
    ["TEXT_MESSAGE_CONTENT", { messageId: "m", delta: "Let " }],
    ["TEXT_MESSAGE_CONTENT", { messageId: "m", delta: "me." }],
    ["TEXT_MESSAGE_END", { messageId: "m", metadata: { finish: "tool" } }],
    ...call("c1", "look", "m", '{"a":1}'),
    ...call("c2", "look", "m"),
  ]);
  assert.deepEqual(thread.messages, [
    {
      id: "m",
      role: "assistant",
      content: "Let me.",
      name: "bot",
      metadata: { finish: "tool" },
      toolCalls: [
        { id: "c1", type: "function", function: { name: "look", arguments: '{"a":1}' } },
        { id: "c2", type: "function", function: { name: "look", arguments: "{}" } },
      ],
    },
  ]);
});

test("a call without a message of its own gets one", () => {
  const { thread } = play([...call("c1", "a"), ...call("c2", "b", "new"), ["TEXT_MESSAGE_START", { messageId: "new" }], ["TEXT_MESSAGE_CONTENT", { messageId: "new", delta: "x" }]]);
  assert.deepEqual(thread.messages.map(({ id, content, toolCalls }) => [id, content, toolCalls.length]), [["c1", undefined, 1], ["new", "x", 1]]);
});

test("a call that is started twice is one call", () => {
  const { thread } = play([...call("c", "a", "m", '{"x":1}'), ["TOOL_CALL_START", { toolCallId: "c", toolCallName: "a", parentMessageId: "m" }]]);
  assert.equal(thread.messages.length, 1);
  assert.equal(thread.messages[0].toolCalls[0].function.arguments, '{"x":1}');
});

test("results stand behind their call, in order, with their metadata", () => {
  const { thread } = play([
    ...call("c1", "a", "m"),
    ...call("c2", "a", "m"),
    ["TEXT_MESSAGE_START", { messageId: "later" }],
    ["TOOL_CALL_RESULT", { messageId: "r2", toolCallId: "c2", content: "two", metadata: { ag_ui_lambda: { signature: "s" } } }],
    ["TOOL_CALL_RESULT", { messageId: "r1", toolCallId: "c1", content: [{ type: "text", text: "one" }] }],
    ["TOOL_CALL_RESULT", { messageId: "r3", toolCallId: "elsewhere", content: "" }],
  ]);
  assert.deepEqual(thread.messages.map(({ id }) => id), ["m", "r2", "r1", "later", "r3"]);
  assert.deepEqual(thread.messages[1], { id: "r2", role: "tool", toolCallId: "c2", content: "two", metadata: { ag_ui_lambda: { signature: "s" } } });
});

test("metadata of a call is the call's, and the last value of a key counts", () => {
  const { thread } = play([
    ["TOOL_CALL_START", { toolCallId: "c", toolCallName: "a", parentMessageId: "m", metadata: { a: 1, b: 1 } }],
    ["TOOL_CALL_END", { toolCallId: "c", metadata: { b: 2 } }],
  ]);
  assert.deepEqual(thread.messages[0].toolCalls[0].metadata, { a: 1, b: 2 });
  assert.equal(thread.messages[0].metadata, undefined);
});

test("encrypted values are kept with their message and their call", () => {
  const { thread, warnings } = play([
    ["REASONING_START", { messageId: "r" }],
    ["REASONING_MESSAGE_START", { messageId: "r", role: "reasoning" }],
    ["REASONING_MESSAGE_CONTENT", { messageId: "r", delta: "Hm." }],
    ["REASONING_MESSAGE_END", { messageId: "r" }],
    ["REASONING_ENCRYPTED_VALUE", { subtype: "message", entityId: "r", encryptedValue: "e1" }],
    ["REASONING_END", { messageId: "r" }],
    ...call("c", "a", "m"),
    ["REASONING_ENCRYPTED_VALUE", { subtype: "tool-call", entityId: "c", encryptedValue: "e2" }],
    ["REASONING_ENCRYPTED_VALUE", { subtype: "message", entityId: "none", encryptedValue: "e3" }],
  ]);
  assert.deepEqual(thread.messages[0], { id: "r", role: "reasoning", content: "Hm.", encryptedValue: "e1" });
  assert.equal(thread.messages[1].toolCalls[0].encryptedValue, "e2");
  assert.equal(warnings.length, 1);
  assert.equal(messagesToSend(thread).length, 2, "reasoning goes back");
});

test("a snapshot of the messages replaces, drops and appends", () => {
  const thread = createThread("t");
  thread.messages = [
    { id: "u", role: "user", content: "hi" },
    { id: "echo", role: "tool", toolCallId: "c", content: "{}" },
    { id: "act", role: "activity", activityType: "x", content: {} },
    { id: "think", role: "reasoning", content: "Hm." },
    { id: "a", role: "assistant", content: "old" },
  ];
  const restated = { id: "a", role: "assistant", content: "new", encryptedValue: "e", unknown: 1 };
  play([["MESSAGES_SNAPSHOT", { messages: [restated, { id: "u", role: "user", content: "hi" }, { id: "z", role: "user", content: "z", subagentRunId: null }] }]], thread);
  assert.deepEqual(thread.messages.map(({ id }) => id), ["u", "act", "think", "a", "z"]);
  assert.deepEqual(thread.messages[3], restated, "with everything that the server sent");
  assert.ok(!("subagentRunId" in thread.messages[4]));
  play([["MESSAGES_SNAPSHOT", { messages: [{ id: "think2", role: "reasoning", content: "" }] }]], thread);
  assert.deepEqual(thread.messages.map(({ id }) => id), ["act", "think2"]);
});

test("activities are shown and not sent", () => {
  const { thread, warnings } = play([
    ["ACTIVITY_SNAPSHOT", { messageId: "x", activityType: "progress", content: { done: 1 }, metadata: { a: 1 } }],
    ["ACTIVITY_DELTA", { messageId: "x", activityType: "progress", patch: [{ op: "replace", path: "/done", value: 2 }] }],
    ["ACTIVITY_SNAPSHOT", { messageId: "x", activityType: "progress", content: {}, replace: false }],
    ["TEXT_MESSAGE_START", { messageId: "x" }],
    ["TEXT_MESSAGE_CONTENT", { messageId: "x", delta: "text" }],
    ["ACTIVITY_DELTA", { messageId: "x", activityType: "progress", patch: [{ op: "remove", path: "/none" }] }],
  ]);
  assert.deepEqual(thread.messages, [{ id: "x", role: "activity", activityType: "progress", content: { done: 2 }, metadata: { a: 1 } }]);
  assert.equal(warnings.length, 3);
  assert.deepEqual(messagesToSend(thread), []);
});

test("the state follows snapshots and deltas; a delta that does not apply leaves it", () => {
  const { thread, warnings } = play([
    ["STATE_DELTA", { delta: [{ op: "add", path: "/steps", value: [] }] }],
    ["STATE_DELTA", { delta: [{ op: "add", path: "/steps/-", value: 1 }, { op: "remove", path: "/none" }] }],
  ]);
  assert.deepEqual(thread.state, { steps: [] });
  assert.match(warnings[0], /state was not changed/);
  play([["STATE_SNAPSHOT", { snapshot: null }]], thread);
  assert.equal(thread.state, null);
});

test("pending calls are those that the run named, or those it left without a result", () => {
  const calls = [...call("c1", "page", "m"), ...call("c2", "own", "m"), ["TOOL_CALL_RESULT", { messageId: "r", toolCallId: "c2", content: "" }]];
  assert.deepEqual(play(run(calls, finished())).thread.pendingCalls, ["c1"]);
  assert.deepEqual(play(run(calls, finished({ type: "success", pendingToolCallIds: ["c1"] }))).thread.pendingCalls, ["c1"]);
  assert.deepEqual(play(run(calls, finished({ type: "cancelled" }))).thread.pendingCalls, []);
});

test("a call that waits for an answer is not pending beside it", () => {
  const interrupts = [{ id: "i", reason: "tool_call", toolCallId: "c1" }];
  const { thread } = play(run(call("c1", "gated", "m"), call("c2", "page", "m"), finished({ type: "interrupt", interrupts })));
  assert.deepEqual(thread.interrupts, interrupts);
  assert.deepEqual(thread.pendingCalls, ["c2"]);
  play(run(finished()), thread);
  assert.deepEqual(thread.interrupts, []);
});

test("a call of an earlier run is timed from the start of the run that answers it", () => {
  const { thread } = play(run(call("c", "gated", "m"), finished({ type: "interrupt", interrupts: [{ id: "i", toolCallId: "c" }] })));
  applyEvent(thread, { type: "RUN_STARTED" }, 5000);
  applyEvent(thread, { type: "TOOL_CALL_RESULT", messageId: "r", toolCallId: "c", content: "" }, 5020);
  assert.deepEqual(thread.callTimes.c, { started: 5000, finished: 5020 });
});

test("messages that a run echoes are added once", () => {
  const thread = createThread("t");
  thread.messages = [{ id: "u", role: "user", content: "hi" }];
  play([["RUN_STARTED", { input: { messages: [{ id: "u", role: "user", content: "other" }, { id: "v", role: "user", content: "v" }] } }]], thread);
  assert.deepEqual(thread.messages.map(({ content }) => content), ["hi", "v"]);
});

test("chunks make the same messages as the events that they stand for", () => {
  const { thread, warnings } = play([
    ["TEXT_MESSAGE_CHUNK", { messageId: "m", delta: "He" }],
    ["TEXT_MESSAGE_CHUNK", { messageId: "s", delta: "sub", subagentRunId: "s1" }],
    ["TEXT_MESSAGE_CHUNK", { delta: "llo" }],
    ["TEXT_MESSAGE_CHUNK", { delta: "agent", subagentRunId: "s1" }],
    ["RAW", { event: {} }],
    ["TEXT_MESSAGE_CHUNK", { delta: "!" }],
    ["TOOL_CALL_CHUNK", { toolCallId: "c", toolCallName: "a", parentMessageId: "m", delta: "{" }],
    ["TOOL_CALL_CHUNK", { delta: "}" }],
    ["TOOL_CALL_CHUNK", { toolCallId: "c2", toolCallName: "a", parentMessageId: "m" }],
    ["REASONING_MESSAGE_CHUNK", { messageId: "r", delta: "Hm" }],
    ["RUN_FINISHED", {}],
  ]);
  assert.deepEqual(warnings, []);
  assert.deepEqual(thread.messages.map(({ id, content }) => [id, content]), [["m", "Hello!"], ["s", "subagent"], ["r", "Hm"]]);
  assert.equal(thread.messages[1].subagentRunId, "s1");
  assert.deepEqual(thread.messages[0].toolCalls.map(({ function: f }) => f.arguments), ["{}", ""]);
});

test("a chunk that continues nothing is refused", () => {
  assert.throws(() => play([["TEXT_MESSAGE_CHUNK", { delta: "x" }]]), /no messageId/);
  assert.throws(() => play([["TOOL_CALL_CHUNK", { toolCallId: "c" }]]), /toolCallName/);
  assert.throws(() => play([["TEXT_MESSAGE_CHUNK", { messageId: "m", delta: "x" }], ["STATE_SNAPSHOT", { snapshot: 1 }], ["TEXT_MESSAGE_CHUNK", { delta: "y" }]]), /no messageId/);
});

test("events of a later protocol change nothing", () => {
  const { thread, warnings } = play([["META", { x: 1 }], ["toString", {}]]);
  assert.deepEqual(thread.messages, []);
  assert.deepEqual(warnings, []);
});
