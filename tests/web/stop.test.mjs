// Stop, at many moments of a run: whatever was on its way, the next message is answered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { onEachStack } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

/** When the person presses Stop: what had been asked, after which event, and on which page. */
const moments = [
  ["before the first word", "Good evening", "RUN_STARTED"],
  ["while the text is written", "Good evening", "TEXT_MESSAGE_CONTENT"],
  ["while it reasons", "think about it", "REASONING_MESSAGE_CONTENT"],
  ["while a call begins", "weather in Tokyo", "TOOL_CALL_START"],
  ["behind the result of a tool", "weather in Tokyo", "TOOL_CALL_RESULT"],
  ["in the arguments of a call that needs an approval", "refund order 1234 for 20", "TOOL_CALL_ARGS"],
  ["behind a call that needs an approval", "refund order 1234 for 20", "TOOL_CALL_END"],
  ["in a question", "schedule a meeting", "TOOL_CALL_ARGS"],
  ["in the call of a tool of the page", "change the background to teal", "TOOL_CALL_ARGS", "background"],
  ["while the page shows what is written", "write a story about a cat", "TOOL_CALL_ARGS", "document"],
];
/** The same in the run that answers an approval. */
const answers = [
  ["before anything", "RUN_STARTED"],
  ["behind the result", "TOOL_CALL_RESULT"],
  ["while the text is written", "TEXT_MESSAGE_CONTENT"],
];

onEachStack("stop", (stage) => {
  for (const [moment, text, type, feature] of moments) {
    test(`${moment}, the next message is answered`, async () => {
      const chat = await stage.visit({ feature });
      stage.line.next({ holdAfter: type });
      await chat.say(text);
      await chat.isHeld();
      await chat.stop();
      await chat.seesNoProblem();
      await chat.goesOn();
      await chat.goesOn("Good night");
      assert.equal(await chat.ran("refund_order"), 0);
    });
  }

  for (const [moment, type] of answers) {
    test(`in the run that answers an approval, ${moment}, the next message is answered`, async () => {
      const chat = await stage.visit();
      await chat.say("refund order 1234 for 20");
      await chat.approval.waitFor();
      stage.line.next({ holdAfter: type });
      await chat.press("Approve");
      await chat.isHeld();
      await chat.stop();
      await chat.seesNoProblem();
      await chat.goesOn();
      await chat.goesOn("Good night");
      assert.equal(await chat.ran("refund_order"), 1, "on AWS a function does not notice that its client has stopped");
    });
  }

  for (const [name, text, type, feature, times] of [
    [/^Weather in/, "weather in Tokyo", "TOOL_CALL_START"],
    [/^Weather in/, "weather in Tokyo", "TOOL_CALL_END"],
    [/^Tool sales_report/, "Show the sales report", "TOOL_CALL_END"],
    [/^Refund of/, "refund order 1234 for 20", "TOOL_CALL_ARGS"],
    [/^Meeting/, "Schedule a meeting", "TOOL_CALL_ARGS"],
    [/^Search/, "Find flights from SFO to JFK", "TOOL_CALL_ARGS", "travel"],
    [/^Steps/, "Make a plan in 3 steps", "TOOL_CALL_ARGS", "steps"],
    [/^Changes/, "Write a story about a cat", "TOOL_CALL_ARGS", "document"],
    [/^Plan at work/, "Make a plan in 5 steps", "ACTIVITY_DELTA", "plan"],
  ]) {
    test(`the card of a call that is stopped behind ${type} says that it is not finished, also after a reload: ${text}`, async () => {
      const chat = await stage.visit({ feature });
      stage.line.next({ holdAfter: type, times });
      await chat.say(text);
      await chat.isHeld();
      const card = chat.cards(name);
      await card.waitFor();
      assert.equal(await card.filter({ hasText: /not finished/i }).count(), 0, "the run still goes on");
      await chat.stop();
      await card.filter({ hasText: /not finished/i }).waitFor();
      await chat.reload();
      await card.filter({ hasText: /not finished/i }).waitFor();
      await chat.seesNoProblem();
      stage.line.next({ holdAfter: "RUN_STARTED" });
      await chat.say("Good evening");
      await until(() => chat.runs().length === 2 && chat.runs().at(-1).isHeld, "the next run is held");
      assert.equal(await card.filter({ hasText: /not finished/i }).count(), 1, "the next run changes nothing");
      chat.runs().at(-1).release();
      await chat.isAnswered("Good evening");
    });
  }

  test("a second Enter and the second press of a double click stop nothing", async () => {
    const chat = await stage.visit();
    stage.line.next({ holdAfter: "RUN_STARTED" });
    await chat.say("weather in Tokyo");
    await chat.isHeld();
    const stop = chat.page.getByRole("button", { name: "Stop" });
    await stop.waitFor();
    await chat.composer.press("Enter");
    await stop.dispatchEvent("click", { detail: 2 });
    chat.runs().at(-1).release();
    await chat.cards("Weather in Tokyo").filter({ hasText: "22 °C" }).waitFor();
    await chat.goesOn();
  });

  test("in the run that answers an approval, a model that fails ends in a sentence, and the next message is answered", async () => {
    const chat = await stage.visit();
    await chat.say("refund order 1234 for 20");
    await chat.approval.waitFor();
    const failing = await stage.otherFunction({
      settings: { AGUI_MODEL: "openai/m", OPENAI_API_KEY: "key-for-tests", OPENAI_BASE_URL: "http://127.0.0.1:9/v1" },
    });
    await chat.press("Approve");
    assert.match(await chat.alert(), /^[A-Z].*\.$/s);
    stage.line.connect(stage.agent.url);
    await chat.goesOn();
    assert.equal(await chat.ran("refund_order", failing), 1);
    assert.equal(await chat.ran("refund_order"), 0);
  });
});
