// The refund, which needs a person's approval: what is on the screen, and how often the tool ran.

import assert from "node:assert/strict";
import { test } from "node:test";
import { onEachStack } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const REFUND = "refund order 1234 for 20";

onEachStack("refund", (stage) => {
  /** A visit in which the approval of a refund is on the screen. */
  async function asked(options) {
    const chat = await stage.visit(options);
    await chat.say(REFUND);
    await chat.approval.waitFor();
    assert.equal(await chat.ran("refund_order"), 0, "nothing runs before the approval");
    return chat;
  }

  /** The refund was made once, and its result is on the card and in the answer. */
  async function refunded(chat, amount = 20) {
    await chat.cards("Refund of order 1234").filter({ hasText: `${amount} was paid back.` }).waitFor();
    await chat.sees(new RegExp(`refund_order answered: .*amount ${amount}.*status refunded`));
    await chat.approval.waitFor({ state: "detached" });
    await chat.goesOn();
    assert.equal(await chat.ran("refund_order"), 1);
  }

  /** The tool has not run, the card says why, and the conversation goes on. */
  async function notRefunded(chat, why) {
    await chat.cards("Refund of order 1234").filter({ hasText: "Not refunded" }).filter({ hasText: why }).waitFor();
    await chat.approval.waitFor({ state: "detached" });
    await chat.goesOn();
    assert.equal(await chat.ran("refund_order"), 0);
  }

  /** Whether the page shows that the refund was made, or that another tab is at it. */
  async function isAnswered(chat) {
    const cards = await chat.cards("Refund of order 1234").filter({ hasText: "20 was paid back." }).count();
    const alerts = await chat.page.getByRole("alert").filter({ hasText: /in another window/ }).count();
    return cards + alerts > 0;
  }

  test("approve runs the tool once, and its result is on the card and in the answer", async () => {
    const chat = await asked();
    await chat.press("Approve");
    await refunded(chat);
  });

  test("in a long conversation the approval is in view without scrolling", async () => {
    const chat = await stage.visit();
    for (const city of ["Tokyo", "Lisbon", "Berlin"]) {
      await chat.say(`weather in ${city}`);
      await chat.isAnswered(city);
    }
    await chat.say(REFUND);
    await chat.approval.waitFor();
    await chat.isInView("Approve");
  });

  test("deny runs nothing", async () => {
    const chat = await asked();
    await chat.press("Deny");
    await notRefunded(chat, /did not approve this call/);
  });

  test("cancel runs nothing", async () => {
    const chat = await asked();
    await chat.press("Cancel");
    await notRefunded(chat, /did not answer/);
  });

  test("edit runs the tool with what the person wrote", async () => {
    const chat = await asked();
    await chat.press("Edit");
    await chat.approval.getByLabel(/amount/i).fill("15");
    await chat.press("Approve");
    await refunded(chat, 15);
  });

  for (const [name, press] of [
    ["a double press", (button) => button.dblclick()],
    ["two presses before the page has drawn the first", (button) => button.evaluate((button) => [button.click(), button.click()])],
  ]) {
    test(`${name} runs the tool once`, async () => {
      const chat = await asked();
      await press(chat.approval.getByRole("button", { name: "Approve" }));
      await refunded(chat);
      assert.equal(chat.runs().filter(({ input }) => input.resume?.length > 0).length, 1, "one answer is sent");
    });
  }

  for (const [how, press] of [
    ["one after the other", async (chat, second) => {
      await chat.press("Approve");
      await chat.cards("Refund of order 1234").filter({ hasText: "20 was paid back." }).waitFor();
      await chat.isIdle();
      await second.press("Approve");
      await second.cards("Refund of order 1234").filter({ hasText: "20 was paid back." }).waitFor();
      assert.equal(chat.runs().filter(({ input }) => input.resume?.length > 0).length, 2, "both answers have reached the agent");
    }],
    ["at the same time", async (chat, second) => {
      await Promise.all([chat.press("Approve"), second.press("Approve")]);
      for (const tab of [chat, second]) await until(() => isAnswered(tab), "the answer has a result, or was too early");
    }],
  ]) {
    test(`two tabs that both approve, ${how}, run the tool once, and both go on`, async () => {
      const chat = await asked();
      const second = await chat.secondTab();
      await second.approval.waitFor();
      await press(chat, second);
      for (const tab of [chat, second]) {
        await tab.approval.waitFor({ state: "detached" });
        await tab.isIdle();
      }
      await chat.goesOn();
      await second.goesOn("Good evening");
      await chat.goesOn("Good night");
      assert.equal(await chat.ran("refund_order"), 1);
    });
  }

  test("after a reload the approval is asked again, and runs the tool once", async () => {
    const chat = await asked();
    await chat.reload();
    await chat.approval.waitFor();
    await chat.press("Approve");
    await refunded(chat);
  });

  test("an approval outlives the function's process", async () => {
    const chat = await asked();
    assert.ok((await stage.agent.kill()) > 0);
    await chat.press("Approve");
    await refunded(chat);
  });

  test("an approval that does not reach the agent is not shown as one", async () => {
    const chat = await asked();
    stage.line.disconnect();
    await chat.press("Approve");
    assert.match(await chat.alert(), /cannot be reached/);
    const card = chat.cards("Refund of order 1234");
    await card.filter({ hasText: "Not confirmed" }).waitFor();
    assert.equal(await card.filter({ hasText: "Approved" }).count(), 0);
    stage.line.connect(stage.agent.url);
    await chat.goesOn();
    await chat.approval.waitFor({ state: "detached" });
    assert.equal(await chat.ran("refund_order"), 0);
  });

  test("a message in place of an answer is answered, and runs nothing", async () => {
    const chat = await asked();
    await chat.goesOn("Never mind");
    assert.equal(await chat.ran("refund_order"), 0);
  });

  test("an approval that has expired runs nothing, and says so", async () => {
    const agent = await stage.otherFunction({ settings: { AGUI_APPROVAL_TTL_S: "1" } });
    const chat = await asked();
    // That this second passes is what the test is about.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await chat.press("Approve");
    await notRefunded(chat, /time to answer was over/);
    assert.equal(await chat.ran("refund_order", agent), 0);
  });

  test("who lacks the right is never offered the tool", async () => {
    const chat = await stage.visit({ as: "Ben" });
    await chat.say(REFUND);
    await chat.sees(/refund_order/);
    assert.equal(await chat.approval.count(), 0);
    assert.equal(await chat.cards(/Refund of order/).count(), 0);
    await chat.say("/refund_order {\"order_id\": \"1234\", \"amount\": 20}");
    await chat.sees(/No tool on offer has this name/);
    await chat.goesOn();
    assert.equal(await chat.ran("refund_order"), 0);
  });
});
