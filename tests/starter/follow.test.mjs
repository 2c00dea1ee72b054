// Guides with a mistake fail, and say where.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { follow } from "./follow.mjs";
import { endOf, readSteps } from "./steps.mjs";

/** Follows a guide in a new folder, which has the file `notes.txt`. Returns what this file contains at the end. */
async function followed(lines, openPage) {
  const project = mkdtempSync(join(tmpdir(), "guide-"));
  try {
    writeFileSync(join(project, "notes.txt"), "one\ntwo\n");
    writeFileSync(join(project, "package.json"), '{"dependencies":{"vite":"8.3.8"}}');
    writeFileSync(join(project, "guide.md"), lines.join("\n"));
    const report = () => {};
    await follow(join(project, "guide.md"), { project, checkout: project, env: process.env, openPage, report });
    return readFileSync(join(project, "notes.txt"), "utf8");
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

const block = (...lines) => ["```", ...lines, "```"];

test("the steps of a guide are done in their order", async () => {
  const notes = await followed([
    "<!-- append notes.txt -->", ...block("three"),
    "<!-- below notes.txt: one -->", ...block("one and a half"),
    "<!-- above notes.txt: one -->", ...block("zero"),
    "<!-- replace notes.txt: two -->", ...block("2"),
    "<!-- new src/new.txt -->", ...block("new"),
    "<!-- run -->", ...block("cat notes.txt src/new.txt"),
    "<!-- see: one ... three new -->",
    "<!-- run: stops with No such file -->", ...block("cat missing.txt"),
    "<!-- serve: ready -->", ...block("echo ready", "echo later", "exec sleep 60"),
    "<!-- see server: later -->",
    "<!-- stop -->",
  ]);
  assert.equal(notes, "zero\none\none and a half\n2\n\nthree\n");
});

test("a guide with a mistake fails, and the error names the line", async () => {
  for (const [why, lines, error] of [
    ["a block without a comment", block("cargo run"), /^line 1: no comment says what to do with this block$/],
    ["an unknown verb", ["<!-- walk -->", ...block("cargo build")], /^line 1: nobody knows what "walk" means$/],
    ["a message that no reader is asked to write", ["<!-- say: Hello -->"], /line 1: a reader is not asked to write this: Hello/],
    ["a verb with a wrong form", ["<!-- below notes.txt -->", ...block("x")], /nobody knows what "below notes.txt"/],
    ["a comment without its block", ["<!-- run -->", "Then build it:", ...block("true")], /line 2: the block of "run" in line 1 is missing/],
    ["a block without an end", ["<!-- run -->", "```", "true"], /the block of line 1 has no end/],
    ["a wrong command", ["<!-- run -->", ...block("cargoo build")], /guide.md:1: run cargoo build[^]*cargoo: command not found/],
    ["a command that fails in the middle", ["<!-- run -->", ...block("false", "true")], /it ended with 1/],
    ["a warning", ["<!-- run -->", ...block("echo 'warning: unused variable'")], /succeeded, but with a warning/],
    ["a command that should have stopped", ["<!-- run: stops with no account -->", ...block("true")], /should have stopped with "no account"/],
    ["one that stops for another reason", ["<!-- run: stops with no account -->", ...block("false")], /should have stopped with/],
    ["another output", ["<!-- run -->", ...block("echo 4 passed"), "<!-- see: 5 passed -->"], /guide.md:5: see[^]*4 passed/],
    ["a file that is there", ["<!-- new notes.txt -->", ...block("x")], /notes.txt is there already/],
    ["a file that is missing", ["<!-- append note.txt -->", ...block("x")], /there is no note.txt/],
    ["a line that is missing", ["<!-- below notes.txt: three -->", ...block("x")], /notes.txt has the line 0 times: three/],
    ["another version of a package", ["<!-- packages package.json -->", ...block("npm install vite@8.0.0")], /installs vite 8.0.0, and package.json has 8.3.8/],
    ["an installation that fails", ["<!-- packages package.json -->", ...block("false && npm install vite@8.3.8")], /it ended with 1/],
    ["no package", ["<!-- packages package.json -->", ...block("npm instal vite@8.3.8")], /the block installs no package/],
    ["a program that ends", ["<!-- serve: ready -->", ...block("exit 3")], /it ended with 3/],
    ["no program to end", ["<!-- stop -->"], /no program is started/],
  ]) {
    await assert.rejects(followed(lines), ({ message }) => error.test(message) || assert.fail(`${why}: ${message}`), why);
  }
});

test("steps on a page fail where the page does not show it, and are left out without a browser", async () => {
  const lines = ["Say `Hello`.", "<!-- open http://127.0.0.1:1/ -->", "<!-- say: Hello -->", "<!-- see page: Good day -->"];
  const page = {
    said: [],
    say: async (text) => void page.said.push(text),
    async shows(text) {
      if (!page.said.includes(text)) throw new Error(`it shows: ${page.said}`);
    },
    close: async () => {},
  };
  await assert.rejects(followed(lines, async () => page), /guide.md:4: see page[^]*Good day[^]*it shows: Hello/);
  assert.equal(await followed(lines), "one\ntwo\n");
});

test("texts are compared without their white space, and dots are any text", () => {
  const text = "test result: ok.  3 passed; 0 failed\n\n  finished in 0.12s\n";
  assert.equal(endOf("ok. 3 passed; 0 failed finished in ...s", text), text.length - 1);
  assert.equal(endOf("finished ... ok", text), undefined, "the order counts");
  assert.equal(endOf("ok. 4 passed", text), undefined);
});

test("blocks in a list lose their indentation", () => {
  const [{ block, language }] = readSteps("- Build it:\n\n  <!-- run -->\n  ```sh\n  make\n    x\n  ```\n");
  assert.deepEqual([block, language], ["make\n  x\n", "sh"]);
});
