import assert from "node:assert/strict";
import { test } from "node:test";

import { caretOf, promptsFor } from "../prompts.js";

const findOrder = { name: "find_order", parameters: { type: "object", properties: { order: { type: "string" } }, required: ["order"] } };

test("a known tool has a sentence that is sent, another one a draft where the model is a script", () => {
  const sentence = { label: "Who am I?", text: "Who am I?", isDraft: false };
  const draft = { label: "/find_order", text: '/find_order {"order": ""}', isDraft: true };
  assert.deepEqual(promptsFor([{ name: "get_account" }, findOrder], true), [sentence, draft]);
  assert.deepEqual(promptsFor([{ name: "get_account" }, findOrder], false), [sentence]);
});

test("a draft has the arguments that are required, each with a value of its type", () => {
  const parameters = {
    type: "object",
    properties: {
      size: { enum: ["small", "large"] },
      currency: { type: "string", examples: ["EUR"] },
      amount: { type: "number", minimum: 1 },
      count: { type: ["integer", "null"] },
      isUrgent: { type: "boolean" },
      tags: { type: "array" },
      address: { $ref: "#/$defs/Address" },
      note: { type: "string" },
    },
    required: ["size", "currency", "amount", "count", "isUrgent", "tags", "address"],
  };
  const [{ text }] = promptsFor([{ name: "order_cake", parameters }], true);
  assert.equal(text, '/order_cake {"size": "small", "currency": "EUR", "amount": 1, "count": 0, "isUrgent": false, "tags": [], "address": {}}');
});

test("a text takes the example of its description, after those of the schema", () => {
  const draftOf = (order) => promptsFor([{ name: "find_order", parameters: { properties: { order }, required: ["order"] } }], true)[0];
  const description = "Number of the order, e.g. `A-17`. The model reads this line, not `B-18`.";
  assert.deepEqual(draftOf({ type: "string", description }), { label: "/find_order", text: '/find_order {"order": "A-17"}', isDraft: true });
  for (const [schema, value] of [
    [{ description: "A number such as\n`A 17`." }, "A 17"],
    [{ description: "For example, `\"A-17\"`." }, "A-17"],
    [{ description: "The field `id`." }, ""],
    [{ description, examples: ["B-1"] }, "B-1"],
    [{ description, enum: ["B-2"] }, "B-2"],
    [{ description, default: "B-3" }, "B-3"],
    [{ description, const: "B-4" }, "B-4"],
    [{ description, type: "integer" }, 0],
  ]) {
    assert.equal(draftOf({ type: "string", ...schema }).text, `/find_order {"order": ${JSON.stringify(value)}}`);
  }
});

test("the caret is where the first value is missing, or else at the end", () => {
  assert.equal(caretOf('/find_order {"order": ""}'), 23);
  assert.equal(caretOf('/find_order {"say": "a \\"", "order": "", "note": ""}'), '/find_order {"say": "a \\"", "order": "'.length);
  assert.equal(caretOf('/find_order {"order": "A-17"}'), 29);
});

test("a tool without required arguments is called at once", () => {
  for (const parameters of [undefined, null, {}, { type: "object", properties: { note: { type: "string" } } }]) {
    assert.deepEqual(promptsFor([{ name: "list_orders", parameters }], true), [{ label: "/list_orders", text: "/list_orders", isDraft: false }]);
  }
});

test("prompts are few and each is there once", () => {
  assert.equal(promptsFor(Array.from({ length: 20 }, (_, n) => ({ name: `tool_${n}` })), true).length, 6);
  assert.equal(promptsFor([{ name: "work_through" }, { name: "generate_task_steps" }], true).length, 1);
});
