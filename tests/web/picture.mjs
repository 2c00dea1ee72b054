#!/usr/bin/env node
// Photographs the web example for the README: docs/images/web.png. `make picture` runs it.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "./support/paths.mjs";
import { Stage } from "./support/stage.mjs";

/** A README with a larger picture opens slowly. */
const MAX_BYTES = 200_000;
const folder = join(root, "docs", "images");
const path = join(folder, "web.png");

const stage = new Stage("0.0.59");
try {
  await stage.open();
  const chat = await stage.visit({ viewport: { width: 1080, height: 920 }, colorScheme: "light" });
  await chat.say("weather in Lisbon");
  await chat.isAnswered("Lisbon");
  await chat.say("refund order 1234 for 20");
  await chat.isInView("Approve");
  mkdirSync(folder, { recursive: true });
  await chat.page.screenshot({ path, animations: "disabled" });
} finally {
  await stage.close();
}
const { size } = statSync(path);
console.log(`${path}: ${size} bytes`);
if (size > MAX_BYTES) throw new Error(`the picture is larger than ${MAX_BYTES} bytes`);
