import assert from "node:assert/strict";
import { test } from "node:test";

import { createSseParser } from "../sse.js";

const read = (...pieces) => {
  const parser = createSseParser();
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
};

test("frames are read however the text is split", () => {
  const text = 'data: {"a":1}\n\n: silence\n\ndata: {"b":\ndata: 2}\r\n\r\ndata:x\r\rid: 7\nevent: y\ndata: last\n\n';
  const frames = ['{"a":1}', '{"b":\n2}', "x", "last"];
  assert.deepEqual(read(text), frames);
  assert.deepEqual(read(...text), frames, "one character at a time");
  for (let at = 0; at <= text.length; at += 1) assert.deepEqual(read(text.slice(0, at), text.slice(at)), frames, `split at ${at}`);
});

test("a frame is returned as soon as its empty line arrives", () => {
  const parser = createSseParser();
  assert.deepEqual(parser.push("data: 1\n"), []);
  assert.deepEqual(parser.push("\n"), ["1"]);
});

test("a last frame without an empty line is returned", () => {
  assert.deepEqual(read("data: 1\n\ndata: 2"), ["1", "2"]);
});

test("comments, empty bodies and a byte order mark are not frames", () => {
  assert.deepEqual(read(": a\n\n:\n\n"), []);
  assert.deepEqual(read(""), []);
  assert.deepEqual(read("\uFEFFdata: 1\n\n"), ["1"]);
});

test("one space behind the colon belongs to the syntax, and no more", () => {
  assert.deepEqual(read("data:  two\n\ndata\n\n"), [" two", ""]);
});
