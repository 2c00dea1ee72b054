import assert from "node:assert/strict";
import { test } from "node:test";

import { isSafeUrl, parseInline, parseMarkdown } from "../markdown.js";

test("each kind of block is recognised", () => {
  assert.deepEqual(parseMarkdown("# Title\n\nOne\ntwo\n\n- a\n- b\n  more\n\n1. x\n2) y\n\n```rust\nfn main() {}\n\n```\nend"), [
    { kind: "heading", content: ["Title"] },
    { kind: "paragraph", content: ["One\ntwo"] },
    { kind: "list", isOrdered: false, items: [["a"], ["b\nmore"]] },
    { kind: "list", isOrdered: true, items: [["x"], ["y"]] },
    { kind: "code", language: "rust", text: "fn main() {}\n" },
    { kind: "paragraph", content: ["end"] },
  ]);
});

test("code that is still arriving is code", () => {
  assert.deepEqual(parseMarkdown("```\nlet x"), [{ kind: "code", language: "", text: "let x" }]);
});

test("inline marks are read, and those without an end are text", () => {
  assert.deepEqual(parseInline("a **b *c*** `**d**` *e* 2*3*4 **f"), [
    "a ",
    { kind: "bold", content: ["b ", { kind: "italic", content: ["c"] }] },
    " ",
    { kind: "code", text: "**d**" },
    " ",
    { kind: "italic", content: ["e"] },
    " 2*3*4 **f",
  ]);
  assert.deepEqual(parseInline("snake_case_name"), ["snake_case_name"]);
});

test("links lead to http and https only", () => {
  assert.deepEqual(parseInline("[a](https://example.com/x_(y)) https://example.com/z."), [
    { kind: "link", url: "https://example.com/x_(y)", content: ["a"] },
    " ",
    { kind: "link", url: "https://example.com/z", content: ["https://example.com/z"] },
    ".",
  ]);
  for (const url of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//example.com", "/local", "vbscript:x", "http://", "java\nscript:x"]) {
    assert.equal(isSafeUrl(url), false, url);
    assert.ok(parseInline(`[a](${url})`).every((part) => typeof part === "string"), url);
  }
});

test("HTML stays text", () => {
  assert.deepEqual(parseMarkdown("<img src=x onerror=alert(1)>"), [{ kind: "paragraph", content: ["<img src=x onerror=alert(1)>"] }]);
});

test("deep nesting ends", () => {
  assert.ok(parseMarkdown("**".repeat(500) + "a" + "**".repeat(500)).length > 0);
});
