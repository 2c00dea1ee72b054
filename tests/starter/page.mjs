// The page of `make run`, or another one, as a person uses it in the browser.

import { startBrowser } from "../web/support/browser.mjs";
import { until } from "../web/support/until.mjs";
import { endOf } from "./steps.mjs";

/** How long a page may take, which Vite may bundle first, on a busy machine. A page that is right never takes so long. */
const PATIENCE_MS = 180_000;

/** Opens a page. */
export async function openPage(address) {
  const browser = await startBrowser();
  const { page, seen } = await browser.visit({ origin: new URL(address).origin });
  page.setDefaultTimeout(PATIENCE_MS);
  page.setDefaultNavigationTimeout(PATIENCE_MS);
  await page.goto(address);
  return {
    /** Chooses the caller, by the id of a sample person. */
    async as(person) {
      await page.getByRole("tab", { name: "Caller" }).click();
      await page.getByLabel("Person", { exact: true }).selectOption(person);
    },
    /** Sends a message, once the page is idle. */
    async say(text) {
      await page.getByRole("button", { name: "Stop" }).waitFor({ state: "hidden" });
      // The composer is the first field of each page.
      const composer = page.getByRole("textbox").first();
      await composer.fill(text);
      await composer.press("Enter");
    },
    press: (button) => page.getByRole("button", { name: button, exact: true }).last().click(),
    /** Waits until a text is in a tab; without a tab in the page, below the message that was sent last. */
    async shows(wanted, tab) {
      if (tab !== undefined) await page.getByRole("tab", { name: tab }).click();
      const text = () => page.evaluate(tab === undefined ? sinceLastMessage : openTab);
      const isThere = async () => endOf(wanted, await text()) !== undefined;
      await until(isThere, "the page shows it", PATIENCE_MS).catch(async (error) => {
        throw new Error(`${error.message}; it shows:\n${await text()}`);
      });
    },
    async close() {
      await browser.close();
      if (seen.faults.length > 0) throw new Error(`the page has thrown: ${seen.faults.join("\n")}`);
    },
  };
}

/** The text of the page from the user's last message on; of a page without such messages its complete text. */
function sinceLastMessage() {
  const asked = [...document.querySelectorAll(".message.user")].at(-1);
  if (asked === undefined) return document.body.innerText;
  const after = [];
  for (let next = asked; next !== null; next = next.nextElementSibling) after.push(next.innerText);
  return [...after, document.querySelector("#waiting")?.innerText ?? ""].join("\n");
}

/** The text of the tab that is open. */
function openTab() {
  return document.querySelector("[role=tabpanel]:not([hidden])").innerText;
}
