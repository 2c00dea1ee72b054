import assert from "node:assert/strict";
import { test } from "node:test";

import { changesBetween } from "../changes.js";
import { applyPatch, isSame, parsePointer } from "../patch.js";

test("each operation follows RFC 6902", () => {
  const cases = [
    ["add a member", {}, [{ op: "add", path: "/a", value: 1 }], { a: 1 }],
    ["add replaces a member", { a: 1 }, [{ op: "add", path: "/a", value: null }], { a: null }],
    ["add into an array", { a: [1, 3] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2, 3] }],
    ["add at its end", { a: [1] }, [{ op: "add", path: "/a/-", value: 2 }, { op: "add", path: "/a/2", value: 3 }], { a: [1, 2, 3] }],
    ["add the root", { a: 1 }, [{ op: "add", path: "", value: [2] }], [2]],
    ["remove", { a: 1, b: [1, 2] }, [{ op: "remove", path: "/a" }, { op: "remove", path: "/b/0" }], { b: [2] }],
    ["replace", { a: [{ b: 1 }] }, [{ op: "replace", path: "/a/0/b", value: 2 }], { a: [{ b: 2 }] }],
    ["replace in an array", { a: [1, 2, 3] }, [{ op: "replace", path: "/a/1", value: 9 }], { a: [1, 9, 3] }],
    ["move", { a: { b: 1 }, c: {} }, [{ op: "move", from: "/a/b", path: "/c/d" }], { a: {}, c: { d: 1 } }],
    ["move within an array", { a: [1, 2, 3] }, [{ op: "move", from: "/a/0", path: "/a/2" }], { a: [2, 3, 1] }],
    ["move to where it is", { a: 1 }, [{ op: "move", from: "/a", path: "/a" }], { a: 1 }],
    ["copy is no second name", { a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }, { op: "replace", path: "/c/b", value: 2 }], { a: { b: 1 }, c: { b: 2 } }],
    ["test", { a: { x: 1, y: [null] } }, [{ op: "test", path: "/a", value: { y: [null], x: 1 } }], { a: { x: 1, y: [null] } }],
    ["escaped names", { "a/b": { "~": 1, "~1": 2 } }, [{ op: "replace", path: "/a~1b/~0", value: 3 }, { op: "remove", path: "/a~1b/~01" }], { "a/b": { "~": 3 } }],
    ["an empty name", { "": 1 }, [{ op: "replace", path: "/", value: 2 }], { "": 2 }],
  ];
  for (const [why, before, patch, after] of cases) {
    const kept = structuredClone(before);
    assert.deepEqual(applyPatch(before, patch), after, why);
    assert.deepEqual(before, kept, `${why}: the document itself is unchanged`);
  }
});

test("what does not apply is refused", () => {
  const cases = [
    ["a member that is not there", { op: "remove", path: "/x" }],
    ["replace of nothing", { op: "replace", path: "/x", value: 1 }],
    ["a parent that is not there", { op: "add", path: "/x/y", value: 1 }],
    ["an index too large", { op: "add", path: "/list/2", value: 1 }],
    ["an index with a zero", { op: "replace", path: "/list/00", value: 1 }],
    ["the place behind the last", { op: "remove", path: "/list/-" }],
    ["into a text", { op: "add", path: "/text/0", value: 1 }],
    ["a pointer without a slash", { op: "add", path: "a", value: 1 }],
    ["a pointer with a bare tilde", { op: "add", path: "/a~2", value: 1 }],
    ["no value", { op: "add", path: "/a" }],
    ["a test that fails", { op: "test", path: "/text", value: "other" }],
    ["a move into itself", { op: "move", from: "/list", path: "/list/0" }],
    ["an inherited member", { op: "replace", path: "/toString", value: 1 }],
    ["an unknown operation", { op: "merge", path: "/a", value: 1 }],
  ];
  for (const [why, operation] of cases) {
    const document = { list: [1], text: "t" };
    assert.throws(() => applyPatch(document, [{ op: "add", path: "/a", value: 1 }, operation]), /operation 1/, why);
    assert.deepEqual(document, { list: [1], text: "t" }, `${why}: nothing is applied`);
  }
});

test("a member named __proto__ is a member like any other", () => {
  const after = applyPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
  assert.deepEqual(Object.keys(after), ["__proto__"]);
  assert.equal(after.polluted, undefined);
  assert.equal({}.polluted, undefined);
  assert.throws(() => applyPatch({}, [{ op: "add", path: "/__proto__/polluted", value: true }]));
});

test("pointers are split and unescaped in the right order", () => {
  assert.deepEqual(parsePointer("/a~1b/~01/0"), ["a/b", "~1", "0"]);
  assert.deepEqual(parsePointer(""), []);
});

test("the order of members does not matter for equality, that of elements does", () => {
  assert.ok(isSame({ a: 1, b: 2 }, { b: 2, a: 1 }));
  assert.ok(!isSame([1, 2], [2, 1]));
  assert.ok(!isSame([], {}));
  assert.ok(!isSame({ a: undefined }, { b: undefined }));
});

test("changes name the deepest values that differ", () => {
  const before = { same: 1, list: [1, { a: 1 }], gone: 1, "a/b": 1 };
  const after = { same: 1, list: [1, { a: 2 }, 3], "a/b": 2, added: {} };
  const { changed, removed } = changesBetween(before, after);
  assert.deepEqual([...changed].sort(), ["/added", "/a~1b", "/list/1/a", "/list/2"]);
  assert.deepEqual(removed, ["/gone"]);
  assert.deepEqual([...changesBetween({}, []).changed], [""]);
});
