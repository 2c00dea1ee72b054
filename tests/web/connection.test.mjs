// A network that fails, a page that is closed, a second tab: the next message is answered.

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
  });

  for (const [moment, text, type] of [
    ["in a text", "Good evening", "TEXT_MESSAGE_CONTENT"],
    ["in the call of a tool", "weather in Tokyo", "TOOL_CALL_ARGS"],
    ["in a call that needs an approval", "refund order 1234 for 20", "TOOL_CALL_ARGS"],
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
  });

  test("a second tab goes on when the first one's run has ended", async () => {
    const chat = await stage.visit();
    await chat.goesOn();
    const second = await chat.secondTab();
    await second.goesOn("Good evening");
    await chat.goesOn("Good night");
  });
});
