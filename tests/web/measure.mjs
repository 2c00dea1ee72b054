#!/usr/bin/env node
// Measures the web example on this machine: the weight of the page, its first paint, and the time from a press to the first
// word. `make bench-web` runs it. It asserts nothing.

import { gzipSync } from "node:zlib";
import { randomUUID } from "node:crypto";
import { startBrowser } from "./support/browser.mjs";
import { startFunction, token } from "./support/function.mjs";
import { startServer } from "./support/server.mjs";

const TIMES = 15;

const agent = await startFunction({ settings: { AGUI_SCRIPTED_DELAY_MS: "0" } });
const server = await startServer({ stack: "0.0.59", agentUrl: agent.url, issuerUrl: agent.url });
const browser = await startBrowser();
try {
  const { page, context } = await browser.visit({ origin: server.url });
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  const load = { requests: 0, transferred: 0 };
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    load.requests += 1;
    load.transferred += encodedDataLength;
  });
  const bodies = [];
  page.on("response", (response) => bodies.push(response.body().catch(() => Buffer.alloc(0))));

  await page.goto(`${server.url}/weather?thread=${randomUUID()}`);
  await page.getByRole("button", { name: "Sign in as Amelie" }).click();
  const composer = page.getByRole("textbox", { name: "Message" });
  await composer.waitFor();
  await page.waitForLoadState("networkidle");
  const files = await Promise.all(bodies);
  const zipped = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  report("requests until the chat is there", load.requests);
  report("transferred", kilobytes(load.transferred));
  report("the same with gzip", kilobytes(zipped));

  const paints = [];
  const ready = [];
  for (let time = 0; time < TIMES; time++) {
    const began = performance.now();
    await page.goto(`${server.url}/weather?thread=${randomUUID()}`);
    await composer.waitFor();
    ready.push(performance.now() - began);
    paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime));
  }
  report("first contentful paint, page in the cache", milliseconds(paints));
  report("until a message can be written", milliseconds(ready));

  const words = [];
  for (let time = 0; time < TIMES; time++) {
    await page.goto(`${server.url}/weather?thread=${randomUUID()}`);
    await composer.waitFor();
    words.push(await firstWord(page, composer));
  }
  report("from the press to the first word, new conversation", milliseconds(words));

  const direct = [];
  for (let time = 0; time < TIMES; time++) direct.push(await firstWordWithoutPage());
  report("the same from the function alone", milliseconds(direct));
} finally {
  await browser.close();
  await server.stop();
  await agent.stop();
}

/** Presses Enter and waits, within the page, until the first word of the answer is drawn. */
async function firstWord(page, composer) {
  await composer.fill("Good morning");
  await page.evaluate(() => {
    window.firstWord = new Promise((resolve) => {
      let pressed;
      addEventListener("keydown", () => (pressed = performance.now()), { capture: true, once: true });
      const look = () => {
        const answer = document.querySelector("[data-testid=copilot-assistant-message]")?.textContent ?? "";
        if (/You/.test(answer)) requestAnimationFrame(() => resolve(performance.now() - pressed));
        else requestAnimationFrame(look);
      };
      look();
    });
  });
  await composer.press("Enter");
  return page.evaluate(() => window.firstWord);
}

/** The time until the function's own stream has the first word, without a page and a runtime. */
async function firstWordWithoutPage() {
  const messages = [{ id: "m1", role: "user", content: "Good morning" }];
  const body = JSON.stringify({ threadId: randomUUID(), runId: randomUUID(), messages, tools: [], context: [] });
  const headers = { "x-agui-token": token, "content-type": "application/json" };
  const began = performance.now();
  const response = await fetch(agent.url, { method: "POST", headers, body });
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.includes("TEXT_MESSAGE_CONTENT")) return performance.now() - began;
  }
  throw new Error(`no word: ${text}`);
}

function report(what, value) {
  console.log(`${what.padEnd(52)} ${value}`);
}

function kilobytes(bytes) {
  return `${Math.round(bytes / 1000)} kB`;
}

/** The median, and the range. */
function milliseconds(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const at = (part) => Math.round(sorted[Math.floor((sorted.length - 1) * part)]);
  return `${at(0.5)} ms (${at(0)} to ${at(1)})`;
}
