// A network that fails, a page that is closed, a second tab: the next message is answered, and the function's log has what ran.

import assert from "node:assert/strict";
import { test } from "node:test";
import { onEachStack } from "./support/stage.mjs";

onEachStack("connection", (stage) => {
  test("a message without a network is a sentence, and the next one is answered", async () => {
    const chat = await stage.visit();
    await chat.goesOn();
    stage.network.down();
    await chat.say("Is anybody there?");
    await chat.alert();
    stage.network.up();
    await chat.goesOn("Good evening");
    await chat.settled();
    assert.equal(chat.runs().length, 2, "the message without a network has not reached the function");
  });

  for (const [moment, text, type, calls] of [
    ["in a text", "Good evening", "TEXT_MESSAGE_CONTENT", 1],
    ["in the call of a tool", "weather in Tokyo", "TOOL_CALL_ARGS", 2],
    ["in a call that needs an approval", "refund order 1234 for 20", "TOOL_CALL_ARGS", 1],
  ]) {
    test(`a network that dies ${moment} is a sentence, and the next message is answered`, async () => {
      const chat = await stage.visit();
      stage.line.next({ holdAfter: type });
      await chat.say(text);
      await chat.isHeld();
      stage.network.down();
      await chat.alert();
      // @ag-ui/client rejects a promise that nobody can await when a response breaks off.
      chat.expectsFault(/^TypeError: network error$/);
      stage.network.up();
      // The run before still goes on at the server, and nobody watches it any more.
      await chat.goesOn();
      assert.equal(await chat.ran("get_weather"), calls);
      assert.equal(await chat.ran("refund_order"), 0);
    });
  }

  test("a page that is closed during a run and opened again goes on", async () => {
    const chat = await stage.visit();
    stage.line.next({ holdAfter: "TEXT_MESSAGE_CONTENT" });
    await chat.say("Good evening");
    const run = await chat.isHeld();
    await chat.reopen();
    run.release();
    await chat.goesOn();
    await chat.settled();
    assert.equal(chat.runs().length, 2, "the run is not repeated");
  });

  test("a page that is closed while an approval waits asks again", async () => {
    const chat = await stage.visit();
    await chat.say("refund order 1234 for 20");
    await chat.approval.waitFor();
    await chat.reopen();
    await chat.approval.waitFor();
    await chat.press("Approve");
    await chat.sees(/refund_order answered/);
    await chat.goesOn();
    assert.equal(await chat.ran("refund_order"), 1);
  });

  test("a second tab goes on when the first one's run has ended", async () => {
    const chat = await stage.visit();
    await chat.goesOn();
    const second = await chat.secondTab();
    await second.goesOn("Good evening");
    await chat.goesOn("Good night");
    await chat.settled();
    assert.equal(chat.runs().length, 3);
  });

  test("a message while another tab watches a run is a sentence, and the next one is answered", async () => {
    const chat = await stage.visit();
    await chat.goesOn();
    const second = await chat.secondTab();
    stage.line.next({ holdAfter: "TOOL_CALL_ARGS" });
    await chat.say("refund order 1234 for 20");
    const run = await chat.isHeld();
    await second.say("Good evening");
    assert.match(await second.alert(), /still at work in this conversation, in another window/);
    run.release();
    await chat.approval.waitFor();
    await second.goesOn("Good night");
    assert.equal(await chat.ran("refund_order"), 0);
  });
});
