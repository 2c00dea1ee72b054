import assert from "node:assert/strict";
import { test } from "node:test";

import { allowsEdits, answer, approve, approveWith, buildResume, cancel, deny, kindOf } from "../resume.js";
import { describeForm, readForm } from "../schema-form.js";

const approval = { type: "object", properties: { approved: { type: "boolean" } }, required: ["approved"] };

test("answers are sent in the order of the interrupts", () => {
  const interrupts = ["a", "b", "c", "d", "e"].map((id) => ({ id }));
  const answers = new Map([["b", deny()], ["a", approve()], ["d", cancel()], ["c", approveWith({ x: 1 })], ["e", answer("blue")]]);
  assert.deepEqual(buildResume(interrupts, answers), [
    { interruptId: "a", status: "resolved", payload: { approved: true } },
    { interruptId: "b", status: "resolved", payload: { approved: false } },
    { interruptId: "c", status: "resolved", payload: { approved: true, editedArgs: { x: 1 } } },
    { interruptId: "d", status: "cancelled" },
    { interruptId: "e", status: "resolved", payload: "blue" },
  ]);
});

test("an interrupt without an answer is an error", () => {
  assert.throws(() => buildResume([{ id: "a" }, { id: "b" }], new Map([["a", approve()]])), /b has no answer/);
});

test("an answer without a value has no payload, and false is a value", () => {
  assert.deepEqual(buildResume([{ id: "a" }], new Map([["a", answer(undefined)]])), [{ interruptId: "a", status: "resolved" }]);
  assert.deepEqual(buildResume([{ id: "a" }], new Map([["a", answer(false)]])), [{ interruptId: "a", status: "resolved", payload: false }]);
});

test("an approval is recognised by its schema", () => {
  assert.equal(kindOf({ responseSchema: approval }), "approval");
  assert.equal(kindOf({ responseSchema: { type: "string" } }), "question");
  assert.equal(kindOf({}), "question");
  assert.equal(allowsEdits({ responseSchema: approval }), false);
  assert.equal(allowsEdits({ responseSchema: { properties: { approved: { type: "boolean" }, editedArgs: { type: "object" } } } }), true);
});

test("a schema becomes fields", () => {
  const form = describeForm({
    type: "object",
    properties: {
      text: { type: "string", description: "Words." },
      size: { $ref: "#/$defs/Size" },
      other: { anyOf: [{ $ref: "#/$defs/Size" }, { type: "null" }] },
      kind: { oneOf: [{ const: "a", description: "The first." }, { const: "b" }] },
      count: { type: "integer", minimum: 1 },
      maybe: { type: ["number", "null"] },
      sure: { type: "boolean", default: true },
      list: { type: "array" },
    },
    required: ["text", "size", "other", "count", "maybe"],
    $defs: { Size: { type: "string", enum: ["S", "M", null] } },
  });
  assert.equal(form.isObject, true);
  assert.deepEqual(
    form.fields.map(({ name, kind, isRequired }) => `${name} ${kind}${isRequired ? " required" : ""}`),
    ["text text required", "size choice required", "other choice", "kind choice", "count integer required", "maybe number", "sure boolean", "list json"],
  );
  assert.deepEqual(form.fields[1].choices.map(({ label }) => label), ["S", "M"]);
  assert.deepEqual(form.fields[3].choices.map(({ label }) => label), ["The first.", "b"]);
  assert.equal(form.fields[6].preset, true);
});

test("a schema that has no form is asked for as JSON", () => {
  for (const schema of [{}, { type: "array" }, { type: "object" }, { $ref: "#/$defs/none" }, { $ref: "#" }, { not: {} }]) {
    assert.deepEqual(describeForm(schema).fields.map(({ kind }) => kind), ["json"], JSON.stringify(schema));
  }
});

test("texts become an answer, without the fields that were left empty", () => {
  const form = describeForm({
    type: "object",
    properties: { a: { type: "string" }, b: { type: "integer" }, c: { type: "boolean" }, d: { enum: [1, "x"] }, e: {}, f: { type: "string" }, __proto__x: { type: "string" } },
    required: ["a"],
  });
  assert.deepEqual(readForm(form, new Map([["a", ""], ["b", "7"], ["c", "false"], ["d", "1"], ["e", '{"x":null}']])), { value: { a: "", b: 7, c: false, d: "x", e: { x: null } } });
  assert.deepEqual(readForm(describeForm({ type: "boolean" }), new Map([["", "true"]])), { value: true });
  assert.deepEqual(readForm(describeForm({ type: "string" }), new Map([["", "M"]])), { value: "M" });
});

test("each mistake has a sentence at its field", () => {
  const cases = [
    [{ type: "integer" }, "1.5", /whole/],
    [{ type: "integer" }, "x", /not a number/],
    [{ type: "number", minimum: 1 }, "0", /smallest/],
    [{ type: "number", maximum: 1 }, "2", /largest/],
    [{ type: "number" }, "", /needed/],
    [{ type: "string", minLength: 2 }, "x", /At least 2/],
    [{ type: "string", maxLength: 1 }, "xy", /At most 1/],
    [{ type: "string", minLength: 1 }, "", /needed/],
    [{ enum: ["a"] }, "", /needed/],
    [{}, "{", /not JSON/],
  ];
  for (const [schema, text, error] of cases) {
    const { errors, value } = readForm(describeForm(schema), new Map([["", text]]));
    assert.match(errors?.get("") ?? "", error, JSON.stringify(schema));
    assert.equal(value, undefined);
  }
});
