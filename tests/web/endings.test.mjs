// Every way in which a run can end too early: the person reads a sentence, and the next message is answered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { onEachStack } from "./support/stage.mjs";

/** A sentence for a person: no status, no braces, no name of a field. */
const SENTENCE = /^[A-Z][^{}<>]*[.!?]$/s;
/** The program for tests, whose model follows commands. */
const TESTS = "examples/test_function";
const LONG = "a".repeat(4000);
const BUFFERED = { AGUI_RESPONSE_MODE: "buffered" };

/** Name, program, settings, message, words of the sentence, a fault of ag-ui-dev. */
const limits = [
  ["turns", "dojo", { AGUI_MAX_TURNS: "1" }, "weather in Tokyo", /too many turns/],
  ["tool calls in a turn", "dojo", { AGUI_MAX_TOOL_CALLS: "1" }, "weather in Tokyo and Paris", /too much at once/],
  ["bytes of arguments", TESTS, {}, "babble 1100000", /became too long/],
  ["time", TESTS, { AGUI_RUN_TIMEOUT_S: "1" }, "wait", /took too long/],
  ["tokens", TESTS, { AGUI_MAX_TOKENS: "100000" }, "use 999999", /became too long/],
  ["the function's time", TESTS, {}, "wait", /took too long/, ["deadline", 3]],
  ["bytes of a request to the model", "dojo", { AGUI_MAX_INPUT_BYTES: "3000" }, LONG, /conversation is too long/],
  ["bytes of a buffered response", TESTS, { ...BUFFERED, TEST_PLAIN_AGENT: "1" }, "flood 100 70000", /became too long/],
];

/** Name, what changes on the line to the function, settings, message, words of the sentence. */
const refusals = [
  ["401: the server's token is wrong", { headers: { "x-agui-token": "wrong" } }, {}, "Hello", /sign in again/],
  ["401: the person's token is wrong", { headers: { "x-agui-user-token": "wrong" } }, {}, "Hello", /sign in again/],
  ["403: the person may not use the agent", { headers: { "x-agui-dev-as": somebodyElse() } }, {}, "Hello", /not allowed/],
  ["413: the message is too long", {}, { AGUI_MAX_BODY_BYTES: "3000" }, LONG, /too large/],
];

/** A caller whom an authorizer in front of the function has verified, and who is not the one of the JWT. */
function somebodyElse() {
  return JSON.stringify({ entry_point: "rest-cognito", claims: { sub: "somebody-else" } });
}

onEachStack("endings", (stage) => {
  /** The person reads a sentence with these words. */
  async function reads(chat, words) {
    const sentence = await chat.alert();
    assert.match(sentence, SENTENCE);
    assert.match(sentence, words);
  }

  /** The run ends, and the next one is a run of the first function again. */
  async function recovers(chat) {
    stage.line.reset();
    stage.line.connect(stage.agent.url);
    await chat.goesOn();
  }

  for (const [name, program, settings, text, words, fault] of limits) {
    test(`the limit of ${name} is a sentence`, async () => {
      const chat = await stage.visit();
      const agent = await stage.otherFunction({ name: program, settings });
      if (fault) await agent.fault(...fault);
      await chat.say(text);
      await reads(chat, words);
      await recovers(chat);
    });
  }

  test("STOPPED: a run that an application has cancelled is a sentence", async () => {
    const chat = await stage.visit();
    const message = "The answer was stopped before it was complete.";
    stage.line.next({ end: { type: "RUN_ERROR", code: "STOPPED", message } });
    await chat.say("weather in Tokyo");
    await reads(chat, /was stopped before it was complete/);
    await recovers(chat);
  });

  test("a budget that is used up within a run, and then before the next one, is a sentence", async () => {
    const chat = await stage.visit();
    await stage.otherFunction({ name: TESTS, settings: { AGUI_BUDGET_USER_TOKENS: "50000" } });
    await chat.say("use 60000");
    await reads(chat, /budget of today is used up/);
    await chat.press("Dismiss");
    await chat.say("Hello");
    await reads(chat, /budget/);
    assert.equal(stage.line.runs.at(-1).status, 429);
    await recovers(chat);
  });

  test("a tool with several parts is on its card, and the answer behind it", async () => {
    const chat = await stage.visit();
    await stage.otherFunction({ name: TESTS });
    await chat.say("call chart");
    await chat.sees("Done");
    await chat.cards("Tool chart").filter({ hasText: "Sales rose." }).waitFor();
  });

  test("RUN_ERROR is a sentence, and the text before it stays", async () => {
    const chat = await stage.visit();
    await chat.say("fail");
    await reads(chat, /not available/);
    await chat.sees("Let me try.");
    await chat.goesOn();
  });

  for (const [name, fault, settings, text, words] of refusals) {
    test(name, async () => {
      const chat = await stage.visit();
      await stage.otherFunction({ settings });
      // The server may read its token once more and try again.
      stage.line.next(fault);
      stage.line.next(fault);
      await chat.say(text);
      await reads(chat, words);
      assert.equal(stage.line.runs.at(-1).status, Number(name.slice(0, 3)));
      await recovers(chat);
    });
  }

  test("413: a message that is too large is taken out, and the next one is answered, also after a reload", async () => {
    const chat = await stage.visit();
    await stage.otherFunction({ settings: { AGUI_MAX_BODY_BYTES: "12000" } });
    for (const [text, comeBack] of [["Good evening", async () => {}], ["Good night", () => chat.reload()]]) {
      await chat.say(LONG.repeat(4));
      await reads(chat, /too large/);
      await chat.isIdle();
      assert.equal(stage.line.runs.at(-1).status, 413);
      await comeBack();
      await chat.goesOn(text);
      assert.equal(await chat.page.getByText("aaaa").count(), 0);
    }
  });

  test("429: Lambda is at its limit", async () => {
    const chat = await stage.visit();
    await stage.agent.fault("throttle", true);
    try {
      await chat.say("Hello");
      await reads(chat, /busy/);
    } finally {
      await stage.agent.fault("throttle", false);
    }
    await recovers(chat);
  });

  test("500: the last event, a snapshot of the messages, is longer than a buffered response may be", async () => {
    const chat = await stage.visit();
    await stage.otherFunction({ name: TESTS, settings: BUFFERED });
    await chat.say("flood 100 70000");
    await reads(chat, /answer is too long/);
    assert.equal(stage.line.runs.at(-1).status, 500);
    await recovers(chat);
  });

  test("503: the secret with the token cannot be read", async () => {
    const chat = await stage.visit();
    const agent = await stage.otherFunction({});
    await agent.fault("secrets", "down");
    await agent.fault("cold-start");
    await chat.say("Hello");
    await reads(chat, /right now/);
    assert.equal(stage.line.runs.at(-1).status, 503);
    await recovers(chat);
  });

  test("a function that is gone", async () => {
    const chat = await stage.visit();
    stage.line.disconnect();
    await chat.say("Hello");
    await reads(chat, /cannot be reached/);
    await recovers(chat);
  });

  test("a function that dies in the middle", async () => {
    const chat = await stage.visit();
    const agent = await stage.otherFunction({ name: TESTS });
    await chat.say("wait");
    await chat.sees("I wait");
    await agent.kill();
    await reads(chat, /broke off/);
    await recovers(chat);
  });

  for (const type of ["RUN_STARTED", "TOOL_CALL_START", "TOOL_CALL_RESULT", "TEXT_MESSAGE_CONTENT"]) {
    test(`a stream that is cut behind ${type}`, async () => {
      const chat = await stage.visit();
      stage.line.next({ cutAfter: type });
      await chat.say("weather in Tokyo");
      await reads(chat, /broke off/);
      if (type === "TOOL_CALL_START") await chat.cards(/^Weather in/).filter({ hasText: "Not finished" }).waitFor();
      await recovers(chat);
    });
  }

  for (const type of ["TOOL_CALL_ARGS", "TOOL_CALL_END"]) {
    test(`a stream that is cut behind ${type} of a call that needs an approval`, async () => {
      const chat = await stage.visit();
      stage.line.next({ cutAfter: type });
      await chat.say("refund order 1234 for 20");
      await reads(chat, /broke off/);
      await recovers(chat);
      assert.equal(await chat.ran("refund_order"), 0);
    });
  }

  for (const type of ["RUN_STARTED", "TOOL_CALL_RESULT", "TEXT_MESSAGE_CONTENT"]) {
    test(`a stream that answers an approval and is cut behind ${type}`, async () => {
      const chat = await stage.visit();
      await chat.say("refund order 1234 for 20");
      await chat.approval.waitFor();
      stage.line.next({ cutAfter: type });
      await chat.press("Approve");
      await reads(chat, /broke off/);
      await recovers(chat);
      assert.equal(await chat.ran("refund_order"), 1);
    });
  }
});
