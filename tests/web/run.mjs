// Runs the tests of this folder, two files at once. With WEB_AGAIN=1 the files with a failure run once more, and the last lines
// say which tests were unsteady: a browser on a busy machine is no reason to refuse a change, and no fault may pass unseen.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { run } from "node:test";
import { tap } from "node:test/reporters";

const folder = fileURLToPath(new URL(".", import.meta.url));
const tests = readdirSync(folder).filter((name) => name.endsWith(".test.mjs")).map((name) => join(folder, name));

/**
 * Runs the files, and returns what failed: from each file's path to the names of its tests. The time limit is for a file, on a
 * machine that is busy with other things: each wait in a test has a limit of its own.
 */
async function play(files) {
  const failed = new Map();
  const events = run({ files, concurrency: 2, timeout: 900_000 });
  events.on("test:fail", ({ file, name }) => failed.set(file, [...(failed.get(file) ?? []), name]));
  for await (const line of events.compose(tap)) process.stdout.write(line);
  return failed;
}

const failed = await play(tests);
let last = failed;
if (process.env.WEB_AGAIN === "1" && failed.size > 0) {
  console.log(`test-web: ${failed.size} files have failures, and run once more`);
  last = await play([...failed.keys()]);
  for (const [file, names] of failed) {
    if (!last.has(file)) console.log(`test-web: UNSTEADY, failed once and then passed: ${file}: ${names.join("; ")}`);
  }
}
process.exitCode = last.size === 0 ? 0 : 1;
