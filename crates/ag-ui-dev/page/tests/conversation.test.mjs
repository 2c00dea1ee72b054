import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../conversation.js";
import { approve, deny } from "../resume.js";

const started = { type: "RUN_STARTED", threadId: "t", runId: "r" };
const finished = (outcome) => ({ type: "RUN_FINISHED", threadId: "t", runId: "r", ...(outcome && { outcome }) });
const text = (id, delta) => [{ type: "TEXT_MESSAGE_START", messageId: id, role: "assistant" }, { type: "TEXT_MESSAGE_CONTENT", messageId: id, delta }, { type: "TEXT_MESSAGE_END", messageId: id }];
const call = (id, name) => [{ type: "TOOL_CALL_START", toolCallId: id, toolCallName: name, parentMessageId: `m-${id}` }, { type: "TOOL_CALL_ARGS", toolCallId: id, delta: "{}" }, { type: "TOOL_CALL_END", toolCallId: id }];
const interrupt = (...ids) => finished({ type: "interrupt", interrupts: ids.map((id) => ({ id, reason: "tool_call", toolCallId: `c-${id}` })) });

/** A conversation with a function that gives these answers: a list of events, or a Response. `gate.isOpen` lets it send. */
function converse(...answers) {
  const inputs = [];
  const gate = { isOpen: true };
  const api = {
    async send({ body }, signal) {
      inputs.push(JSON.parse(body));
      const answer = answers.shift() ?? [started, finished()];
      if (typeof answer === "function") return answer(signal);
      const frames = answer.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("");
      return new Response(frames, { headers: { "content-type": "text/event-stream", "x-amzn-requestid": "req" } });
    },
  };
  const prepare = (input) => ({ method: "POST", path: "/", headers: {}, body: JSON.stringify(input) });
  const runTool = ({ function: { name } }) => (name === "auto" ? { content: "done" } : undefined);
  return { conversation: new Conversation({ api, prepare, runTool, maySend: () => gate.isOpen }), inputs, gate };
}
const errors = ({ notes }) => notes.filter(({ kind }) => kind === "error").map(({ code }) => code);

test("each run sends the complete thread with a new run id", async () => {
  const { conversation, inputs } = converse([started, ...text("a", "Hello"), { type: "STATE_SNAPSHOT", snapshot: { n: 1 } }, finished()]);
  await conversation.say("Hi");
  await conversation.say("Again");
  assert.deepEqual(inputs[1].messages.map(({ content }) => content), ["Hi", "Hello", "Again"]);
  assert.deepEqual(inputs[1].state, { n: 1 });
  assert.notEqual(inputs[0].runId, inputs[1].runId);
  assert.equal(inputs[0].threadId, inputs[1].threadId);
  assert.ok(!("resume" in inputs[1]));
});

test("a run with interrupts is answered when each has an answer", async () => {
  const { conversation, inputs } = converse([started, ...call("c-a", "x"), ...call("c-b", "x"), interrupt("a", "b")]);
  await conversation.say("Do it");
  assert.ok(conversation.isWaiting);
  await conversation.answerInterrupt("b", deny());
  assert.equal(inputs.length, 1);
  await conversation.answerInterrupt("a", approve());
  assert.deepEqual(inputs[1].resume.map(({ interruptId, payload }) => [interruptId, payload.approved]), [["a", true], ["b", false]]);
  assert.ok(!conversation.isWaiting);
});

test("an answer can be withdrawn before it is sent", async () => {
  const { conversation, inputs } = converse([started, interrupt("a", "b")]);
  await conversation.say("Do it");
  await conversation.answerInterrupt("a", approve());
  await conversation.answerInterrupt("a", undefined);
  await conversation.answerInterrupt("b", approve());
  assert.equal(inputs.length, 1);
});

test("interrupts stay open when their run is refused, and the answer can be sent again", async () => {
  const refused = () => new Response('{"error":{"code":"UNAUTHENTICATED","message":"No.","hint":"Send it."}}', { status: 401 });
  const { conversation, inputs } = converse([started, ...call("c-a", "x"), interrupt("a")], refused);
  await conversation.say("Do it");
  await conversation.answerInterrupt("a", approve());
  assert.deepEqual(errors(conversation), ["UNAUTHENTICATED"]);
  assert.equal(conversation.notes.at(-1).hint, "Send it.");
  assert.equal(conversation.thread.interrupts.length, 1);
  await conversation.retry();
  assert.deepEqual(inputs[2].resume, inputs[1].resume);
  assert.equal(conversation.thread.interrupts.length, 0);
});

test("a message in place of an answer cancels the interrupts", async () => {
  const { conversation, inputs } = converse([started, interrupt("a")]);
  await conversation.say("Do it");
  await conversation.say("Never mind");
  assert.deepEqual(inputs[1].resume, [{ interruptId: "a", status: "cancelled" }]);
});

test("while nothing may be sent, a message, an answer, a result and a retry change nothing", async () => {
  const asks = [started, ...call("c-a", "x"), ...call("c-p", "ask"), interrupt("a")];
  const { conversation, inputs, gate } = converse(asks, [started, { type: "RUN_ERROR", message: "x" }]);
  await conversation.say("Do it");
  gate.isOpen = false;
  const before = JSON.stringify(conversation.snapshot());
  assert.equal(conversation.say("Never mind"), undefined);
  assert.equal(conversation.answerCall("c-p", { content: "yes" }), undefined);
  assert.equal(conversation.answerInterrupt("a", approve()), undefined);
  assert.equal(conversation.answers.size, 0);
  assert.equal(JSON.stringify(conversation.snapshot()), before);
  gate.isOpen = true;
  await conversation.answerCall("c-p", { content: "yes" });
  await conversation.answerInterrupt("a", approve());
  gate.isOpen = false;
  assert.ok(conversation.canRetry);
  assert.equal(conversation.retry(), undefined);
  assert.equal(inputs.length, 2);
});

test("a call of the page waits if nothing may be sent when its run ends", async () => {
  const { conversation, inputs, gate } = converse([started, ...call("c", "auto"), finished()]);
  const run = conversation.say("Do it");
  gate.isOpen = false;
  await run;
  assert.deepEqual(conversation.thread.pendingCalls, ["c"]);
  assert.equal(inputs.length, 1);
});

test("an open approval is restored after a reload of the page", async () => {
  const { conversation } = converse([started, ...call("c-a", "x"), interrupt("a")]);
  await conversation.say("Do it");
  const kept = JSON.parse(JSON.stringify(conversation.snapshot()));
  const { conversation: reloaded, inputs } = converse();
  reloaded.restore(kept);
  assert.ok(reloaded.isWaiting);
  await reloaded.answerInterrupt("a", approve());
  assert.equal(inputs[0].threadId, kept.thread.threadId);
  assert.equal(inputs[0].messages.length, 2);
  assert.equal(inputs[0].resume.length, 1);
});

test("calls of the page run by themselves if they need no person", async () => {
  const { conversation, inputs } = converse([started, ...call("c", "auto"), finished({ type: "success", pendingToolCallIds: ["c"] })]);
  await conversation.say("Do it");
  assert.equal(inputs.length, 2);
  assert.deepEqual(inputs[1].messages.at(-1), { id: inputs[1].messages.at(-1).id, role: "tool", toolCallId: "c", content: "done" });
});

test("calls that need the developer wait and are sent together", async () => {
  const { conversation, inputs } = converse([started, ...call("c1", "auto"), ...call("c2", "ask"), ...call("c3", "ask"), finished()]);
  await conversation.say("Do it");
  assert.deepEqual(conversation.thread.pendingCalls, ["c2", "c3"]);
  await conversation.answerCall("c3", { content: "no", error: "no" });
  assert.equal(inputs.length, 1);
  await conversation.answerCall("c2", { content: "yes" });
  const results = inputs[1].messages.filter(({ role }) => role === "tool");
  assert.deepEqual(results.map(({ toolCallId, error }) => [toolCallId, error]), [["c1", undefined], ["c2", undefined], ["c3", "no"]]);
});

test("a tool that is called forever is stopped", async () => {
  const again = [started, ...call("c", "auto"), finished()];
  const { conversation, inputs } = converse(...Array.from({ length: 30 }, (_, index) => again.map((event) => ({ ...event, ...(event.toolCallId && { toolCallId: `c${index}` }) }))));
  await conversation.say("Do it");
  assert.equal(inputs.length, 11);
});

test("each fault of a response is shown as an error", async () => {
  const html = () => new Response("<html>", { headers: { "content-type": "text/html" } });
  const cases = [
    ["the body ended too early", [started, ...text("a", "Hel")], ["NO_LAST_EVENT"]],
    ["no JSON", [started, '{"type":', finished()], ["BAD_FRAME"]],
    ["no event", [started, "[1]", finished()], ["BAD_FRAME"]],
    ["the run failed", [started, { type: "RUN_ERROR", code: "MODEL_THROTTLED", message: "Later." }], ["MODEL_THROTTLED"]],
    ["no event stream", html, ["NO_EVENT_STREAM"]],
    ["a refusal without JSON", () => new Response("Bad gateway", { status: 502 }), [undefined]],
    ["a late error", [started, finished(), { type: "RUN_ERROR", code: "LATE", message: "x" }], ["LATE"]],
    ["a good run", [started, finished()], []],
  ];
  for (const [why, answer, codes] of cases) {
    const { conversation } = converse(answer);
    await conversation.say("Hi");
    assert.deepEqual(errors(conversation), codes, why);
    assert.equal(conversation.isRunning, false, why);
  }
});

test("a failed run is sent again without the text at its end", async () => {
  const { conversation, inputs } = converse([started, ...text("a", "Let me try."), { type: "RUN_ERROR", message: "x" }]);
  await conversation.say("Hi");
  await conversation.retry();
  assert.deepEqual(inputs[1].messages.map(({ role }) => role), ["user"]);
});

test("a stopped run keeps what has arrived", async () => {
  const stall = (signal) => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode([started, ...text("a", "Hel")].map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")));
        signal.addEventListener("abort", () => controller.error(signal.reason));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const { conversation } = converse(stall);
  conversation.addEventListener("frame", ({ detail }) => detail.frame.event.type === "TEXT_MESSAGE_END" && conversation.stop());
  await conversation.say("Hi");
  assert.equal(conversation.thread.messages.at(-1).content, "Hel");
  assert.equal(conversation.notes.at(-1).kind, "info");
  assert.equal(conversation.runs[0].ending.kind, "stopped");
});

test("events of an old thread are ignored", async () => {
  const { conversation } = converse([started, ...text("a", "Hello"), finished()]);
  const first = conversation.say("Hi");
  conversation.startNewThread();
  await first;
  assert.deepEqual(conversation.thread.messages, []);
  assert.deepEqual(conversation.notes, []);
});

test("a note says how much of a long conversation the model did not read", async () => {
  const compacted = (turns) => ({ type: "CUSTOM", name: "ag_ui_lambda.compacted", value: { reason: "MAX_INPUT_BYTES", turns_left_out: turns, turns_kept: 9 } });
  const { conversation } = converse([started, compacted(1), ...text("a", "Fine."), finished()], [started, compacted(30), ...text("b", "Fine."), finished()]);
  await conversation.say("And now?");
  await conversation.say("And then?");
  assert.deepEqual(
    conversation.notes.map(({ text }) => text.replace("The conversation is too long (MAX_INPUT_BYTES): the model did not read the ", "")),
    ["first message of the user and the answers to them.", "first 30 messages of the user and the answers to them."],
  );
  assert.equal(conversation.thread.messages.length, 4);
});
