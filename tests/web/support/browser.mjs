// Chromium: one browser for a test file, one context for each visit, so that no test sees what another has left.

import { chromium } from "playwright-core";
import { chromiumPath } from "./paths.mjs";

/** Flags for a machine without a screen, and for a browser that asks its maker for nothing. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--no-proxy-server",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long a person waits for something on the screen. A test that passes never waits so long. */
const PATIENCE_MS = 30_000;

/** Starts the browser. */
export async function startBrowser() {
  const browser = await chromium.launch({ executablePath: chromiumPath(), headless: true, args: FLAGS });
  return {
    visit: (options) => visit(browser, options),
    close: () => browser.close(),
  };
}

/** Opens a page of `origin` as on a device of its own, and records what the browser does. */
async function visit(browser, { origin, ...device }) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, reducedMotion: "reduce", ...device });
  context.setDefaultTimeout(PATIENCE_MS);
  const seen = { foreign: [], faults: [] };
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (["data:", "blob:"].includes(url.protocol) || url.origin === origin) return;
    seen.foreign.push(request.url());
  });
  context.on("page", (page) => page.on("pageerror", (error) => seen.faults.push(String(error))));
  const page = await context.newPage();
  return { context, page, seen };
}
