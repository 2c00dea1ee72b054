import assert from "node:assert/strict";
import { test } from "node:test";

import { promptsFor } from "../prompts.js";

test("a known tool has a sentence, another one its name where the model is a script", () => {
  assert.deepEqual(promptsFor(["get_account", "find_order"], true), ["Who am I?", "/find_order"]);
  assert.deepEqual(promptsFor(["get_account", "find_order"], false), ["Who am I?"]);
});

test("prompts are few and each is there once", () => {
  assert.equal(promptsFor(Array.from({ length: 20 }, (_, n) => `tool_${n}`), true).length, 6);
  assert.equal(promptsFor(["work_through", "generate_task_steps"], true).length, 1);
});
