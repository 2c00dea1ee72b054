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

  test("axe finds nothing serious on any page", async () => {
    const chat = await stage.visit({ colorScheme: "dark" });
    const links = chat.page.getByRole("navigation", { name: "Features" }).getByRole("link");
    const titles = await links.allInnerTexts();
    assert.ok(titles.length > 10);
    for (const title of titles) {
      await links.filter({ hasText: title }).first().click();
      await chat.page.getByRole("heading", { name: title, level: 1 }).waitFor();
      // Until the runtime has answered, buttons are disabled and pale.
      await chat.page.getByRole("textbox", { name: "Message", disabled: false }).waitFor();
      assert.deepEqual(await findings(chat.page), [], title);
      // What the page suggests first shows what it is for.
      const runs = stage.line.runs.length;
      await chat.page.getByTestId("copilot-suggestion").first().click();
      await until(() => stage.line.runs.length > runs && stage.line.runs.every((run) => run.isOver), `${title} has run`);
      await chat.page.getByRole("button", { name: "Send" }).waitFor();
      assert.deepEqual(await findings(chat.page), [], `${title}, used`);
    }
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
    await chat.settled();
    assert.equal(chat.ran("refund_order"), 1);
  });
});
