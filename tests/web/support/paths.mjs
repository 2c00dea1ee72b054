// Where the tests find what they start, and where they leave their pictures.

import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const app = join(root, "examples", "web");

/** Where `make programs` puts the programs. AGUI_TEST_PROGRAMS names another folder. */
const programs = process.env.AGUI_TEST_PROGRAMS ?? join(root, "target", "debug");

/** The path of a built program, such as `dojo` or `examples/test_function`. */
export function program(name) {
  const path = join(programs, name);
  if (!existsSync(path)) throw new Error(`${path} does not exist: make programs builds it`);
  return path;
}

/** The browser: CHROMIUM, or where Debian puts it. */
export function chromiumPath() {
  const path = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (!existsSync(path)) throw new Error(`${path} does not exist: apt-get install chromium, or set CHROMIUM to its path`);
  return path;
}

/** The folder for the pictures of the tests, which git ignores. */
export function pictures() {
  const folder = join(root, "target", "web");
  mkdirSync(folder, { recursive: true });
  return folder;
}
