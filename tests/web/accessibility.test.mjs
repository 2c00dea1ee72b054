// The page for everybody: axe finds nothing serious, in light and dark, on a desk and on a phone; and a keyboard is enough.

import assert from "node:assert/strict";
import { test } from "node:test";
import { findings } from "./support/axe.mjs";
import { onStack } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const devices = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["a phone", { colorScheme: "light", ...phone }],
  ["a dark phone", { colorScheme: "dark", ...phone }],
];

// The page is the same for both stacks.
onStack("0.0.59", "accessibility", (stage) => {
  for (const [name, device] of devices) {
    test(`axe finds nothing serious, ${name}`, async () => {
      const chat = await stage.visit({ as: null, ...device });
      assert.deepEqual(await findings(chat.page), [], "before sign-in");
      await chat.signIn("Amelie");
      assert.deepEqual(await findings(chat.page), [], "at the beginning");
      await chat.say("weather in Tokyo and Paris");
      await chat.sees("Paris:");
      await chat.say("refund order 1234 for 20");
      await chat.approval.waitFor();
      assert.deepEqual(await findings(chat.page), [], "with cards and an approval");
      await chat.press("Approve");
      await chat.sees(/refund_order answered/);
      await chat.say("fail");
      await chat.alert();
      assert.deepEqual(await findings(chat.page), [], "with an error");
      const wide = await chat.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `the page is ${wide} px wider than the screen`);
    });
  }

  for (const [name, device] of [
    ["dark", { colorScheme: "dark" }],
    ["a light phone", { colorScheme: "light", ...phone }],
  ]) {
    test(`axe finds nothing serious on any page, ${name}, and each has a title of its own`, async () => {
      const chat = await stage.visit(device);
      const links = chat.page.getByRole("navigation", { name: "Features" }).getByRole("link");
      const titles = await links.allInnerTexts();
      assert.ok(titles.length > 10);
      for (const title of titles) {
        await links.filter({ hasText: title }).first().click();
        await chat.page.getByRole("heading", { name: title, level: 1 }).waitFor();
        assert.equal(await chat.page.title(), `${title} - Agent on Lambda`);
        // Until the conversation is loaded, buttons are disabled and pale. Then there are suggestions.
        const suggestion = chat.page.getByTestId("copilot-suggestion").first();
        await suggestion.waitFor();
        assert.deepEqual(await findings(chat.page), [], title);
        // What the page suggests first shows what it is for.
        const runs = stage.line.runs.length;
        await suggestion.click();
        await until(() => stage.line.runs.length > runs && stage.line.runs.every((run) => run.isOver), `${title} has run`);
        await chat.page.getByRole("button", { name: "Send" }).waitFor();
        assert.deepEqual(await findings(chat.page), [], `${title}, used`);
      }
    });
  }

  for (const [feature, text, words, button] of [
    ["refund", "refund order 1234 for 20", /waits for your approval/, "Deny"],
    ["meeting", "Schedule a meeting", /question waits for your answer/, "Cancel"],
    ["steps", "Make a plan in 3 steps", /plan waits for you/, "Reject"],
    ["document", "Write a story about a cat", /Keep these changes/, "Confirm"],
  ]) {
    test(`what waits for the person is announced: ${feature}`, async () => {
      const chat = await stage.visit({ feature });
      const region = chat.page.getByRole("status", { name: "What waits for you" });
      assert.equal(await region.textContent(), "", "the region is there before it says something");
      await chat.say(text);
      await until(async () => words.test(await region.textContent()), "it is announced");
      await chat.press(button);
      await until(async () => (await region.textContent()) === "", "nothing waits any more");
    });
  }

  test("the focus is on the first field after Edit", async () => {
    const chat = await stage.visit();
    await chat.say("refund order 1234 for 20");
    await chat.approval.getByRole("button", { name: "Edit" }).press("Enter");
    const field = chat.approval.locator("input").first();
    await field.waitFor();
    assert.ok(await field.evaluate((field) => field === document.activeElement));
  });

  test("an approval is found and given by keyboard alone", async () => {
    const chat = await stage.visit();
    await chat.say("refund order 1234 for 20");
    await chat.approval.waitFor();
    const isOnApprove = () => chat.page.evaluate(() => document.activeElement?.textContent?.trim() === "Approve");
    for (let presses = 0; presses < 60 && !(await isOnApprove()); presses++) await chat.page.keyboard.press("Tab");
    assert.ok(await isOnApprove(), "Tab reaches Approve");
    await chat.page.keyboard.press("Enter");
    await chat.sees(/refund_order answered/);
    assert.equal(await chat.ran("refund_order"), 1);
  });
});
