// The conversations of the AG-UI dojo, on the pages of the web example: what the dojo's own browser tests check of each of its
// pages. docs/features.md is made of their results.

import assert from "node:assert/strict";
import { test } from "node:test";
import { comparePage, renderPage } from "./support/features-page.mjs";
import { onEachStack } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

/** A PNG of one pixel. */
const PICTURE = {
  name: "dot.png",
  mimeType: "image/png",
  buffer: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
    "base64",
  ),
};

/** For each page of the dojo the page of the example that has its feature, and the conversations there. */
const pages = {
  agentic_chat: [
    ["chat", "the answer greets by name", async (chat) => {
      await chat.say("Hi, I am duaa");
      await chat.sees(/Hello duaa/);
    }],
    ["chat", "earlier messages are remembered", async (chat) => {
      await chat.say("Hey there");
      await chat.sees(/Hello!/);
      await chat.say("My favorite fruit is Mango");
      await chat.sees(/You said: My favorite fruit/);
      await chat.say("and I love listening to Kaavish");
      await chat.sees(/You said: and I love/);
      await chat.say("Can you remind me what my favorite fruit is?");
      await chat.sees(/Your favorite fruit is Mango/);
    }],
    ["background", "the background changes twice", async (chat) => {
      const canvas = chat.cards("Canvas");
      await chat.say("Hi, change the background color to blue");
      await hasStyle(canvas, "background", "blue");
      await chat.sees(/change_background answered/);
      await chat.say("Hi change the background color to pink");
      await hasStyle(canvas, "background", "pink");
    }],
  ],
  backend_tool_rendering: [
    ["weather", "each city gets its card", async (chat) => {
      for (const city of ["San Francisco", "New York"]) {
        await chat.say(`What's the weather like in ${city}?`);
        await chat.cards(`Weather in ${city}`).filter({ hasText: /Humidity.*%/ }).filter({ hasText: /km\/h/ }).waitFor();
        await chat.sees(new RegExp(`${city}: \\d+ °C`));
      }
      assert.equal(await chat.page.getByRole("region", { name: /^Weather in/ }).count(), 2);
      assert.equal(await chat.ran("get_weather"), 2);
    }],
  ],
  human_in_the_loop: [
    ["steps", "the plan goes on without the step that is taken out", async (chat) => {
      await chat.say("Hi");
      await chat.sees(/Hello!/);
      await choosesSteps(chat, "Give me a plan to make brownies, there should be only one step with eggs and one step with oven", /eggs/);
    }],
    ["steps", "the first step is the one that the user names", async (chat) => {
      await choosesSteps(chat, "Plan a mission to Mars with the first step being Start The Planning", /Start The Planning/);
    }],
  ],
  agentic_generative_ui: [
    ["plan", "the steps are done one after another", async (chat) => {
      await chat.say("Hi");
      await chat.sees(/Hello!/);
      await worksThrough(chat, "give me a plan to make brownies");
    }],
    ["plan", "a short wish is enough", (chat) => worksThrough(chat, "Go to Mars")],
  ],
  tool_based_generative_ui: [
    ["haiku", "two poems, and the second is another", async (chat) => {
      const cards = chat.cards("Haiku");
      await chat.say('Generate Haiku for "I will always win"');
      await until(async () => (await cards.count()) === 1, "there is a poem");
      await chat.settled();
      const first = await linesOf(cards.first());
      await chat.say('Generate Haiku for "The moon shines bright"');
      await until(async () => (await cards.count()) === 2, "there are two poems");
      await chat.settled();
      const second = await linesOf(cards.last());
      assert.equal(first.length, 3);
      assert.equal(second.length, 3);
      assert.notDeepEqual(first, second);
    }],
  ],
  shared_state: [
    ["recipe", "a recipe is written into the form", async (chat) => {
      await chat.say('Please give me a pasta recipe of your choosing, but one of the ingredients should be "Pasta"');
      await hasIngredient(chat, "Pasta");
      assert.ok((await chat.page.getByLabel(/^Step \d/).count()) > 1, "there are instructions");
    }],
    ["recipe", "the agent reads what the user writes", async (chat) => {
      await chat.press("Add ingredient");
      await chat.page.getByLabel(/^Ingredient \d/).last().fill("Potatoes");
      await chat.page.getByLabel(/^Amount \d/).last().fill("12");
      await chat.say("Please list all of the ingredients");
      await chat.sees(/3 large Carrots, 1 Onion, 12 Potatoes/);
    }],
    ["recipe", "the agent changes what the user has written", async (chat) => {
      await chat.page.getByLabel("Ingredient 1").fill("Parsnips");
      await chat.say("Improve the recipe");
      await hasIngredient(chat, "Salt");
      await hasIngredient(chat, "Parsnips");
    }],
  ],
  agentic_chat_multimodal: [
    ["picture", "the model gets the picture", async (chat) => {
      await chat.attach(PICTURE);
      await chat.say("Tell me what do you see in this image");
      await chat.sees(/I got a picture/);
      const [{ input }] = chat.runs();
      assert.equal(input.messages[0].content.at(-1).type, "image");
    }],
  ],
  agentic_chat_reasoning: [
    ["reasoning", "the reasoning is shown before the answer", async (chat) => {
      await chat.say("What is the best car to buy?");
      await chat.sees(/Thought for/);
      await chat.sees(/I have thought about it/);
    }],
  ],
  predictive_state_updates: [
    ["document", "the text grows while it is written, and a change of it is confirmed", async (chat) => {
      await writes(chat, "Give me a story for a dragon called Atlantis in document", /Atlantis/);
      await answersDraft(chat, "Confirm", /Kept/);
      await hasText(chat, /Atlantis/);
      await writes(chat, "Change dragon name to Lola", /Lola/);
      await answersDraft(chat, "Confirm", /Kept/);
      await hasText(chat, /Lola/);
    }],
    ["document", "a change that is rejected is taken back", async (chat) => {
      await writes(chat, "Give me a story for a dragon called Atlantis in document", /Atlantis/);
      await answersDraft(chat, "Confirm", /Kept/);
      await writes(chat, "Change dragon name to Lola", /Lola/);
      await answersDraft(chat, "Reject", /Taken back/);
      await hasText(chat, /Atlantis/);
    }],
  ],
  interrupt: [
    ["meeting", "the question offers times, and goes when one is chosen", async (chat) => {
      const question = chat.cards("Question");
      await chat.say("Book an intro call with the sales team to discuss pricing.");
      await question.getByRole("button").first().click();
      await question.waitFor({ state: "detached" });
      await chat.sees(/schedule_meeting answered: .*topic Book an intro call/);
      await chat.settled();
      assert.equal(chat.runs().length, 2);
    }],
  ],
  approval: [
    ["refund", "the call runs once, after it was approved", async (chat) => {
      await chat.say("refund order 1234 for 20");
      await chat.approval.waitFor();
      await chat.press("Approve");
      await chat.sees(/refund_order answered: .*status refunded/);
      assert.equal(await chat.ran("refund_order"), 1);
    }],
  ],
  error_flow: [
    ["errors", "each failure is shown, no message is left, and the next run begins", async (chat) => {
      for (const text of ["trigger error", "trigger error again"]) {
        await chat.say(text);
        assert.match(await chat.alert(), /\w.*\./);
        await chat.settled();
        await chat.press("Dismiss");
      }
      assert.equal(await chat.page.getByTestId("copilot-assistant-message").count(), 0);
      assert.equal(chat.runs().length, 2);
    }],
    ["errors", "a failure is shown where the runtime was slow to connect", async (chat) => {
      let connect;
      const connected = new Promise((resolve) => (connect = resolve));
      await chat.page.route("**/api/copilotkit/info*", async (route) => {
        await connected;
        await route.continue();
      });
      await chat.reload();
      assert.ok(await chat.composer.isDisabled(), "nothing can be sent yet");
      connect();
      await chat.say("trigger error");
      assert.match(await chat.alert(), /\w.*\./);
      assert.equal(await chat.page.getByTestId("copilot-assistant-message").count(), 0);
    }],
  ],
  a2ui_fixed_schema: [
    ["travel", "flights and hotels are two surfaces", async (chat) => {
      await chat.say("Find flights from SFO to JFK for next Tuesday.");
      await hasSurface(chat, "flight-search-results", ["Flights from SFO to JFK", "UA 214", "$289", "DL 877", "$315"]);
      await chat.say("Find hotels in downtown Manhattan for next weekend.");
      await hasSurface(chat, "hotel-search-results", ["The Grand Hotel", "4.5", "The Little Inn"]);
      assert.equal(await chat.page.locator("[data-surface-id]").count(), 2);
    }],
  ],
  a2ui_dynamic_schema: [
    ["surfaces", "a comparison of hotels", async (chat) => {
      await chat.say("Compare 3 luxury hotels in different cities with ratings and prices.");
      await hasSurface(chat, "hotel-comparison", ["Hotel Alster", "Hotel Tejo", "Hotel Sumida", "€270 a night"]);
      const pieces = chat.runs()[0].types.filter((type) => type === "TOOL_CALL_ARGS");
      assert.ok(pieces.length > 20, `the surface comes in ${pieces.length} pieces`);
    }],
    ["surfaces", "a comparison of products", async (chat) => {
      await chat.say("Compare 3 wireless headphones with prices, ratings, and descriptions.");
      await hasSurface(chat, "product-comparison", ["Quiet One", "Open Air", "Studio", "€429"]);
    }],
    ["surfaces", "a team, and the conversation goes on", async (chat) => {
      await chat.say("Show a team of 4 people with their roles, departments, and contact info.");
      await hasSurface(chat, "team-roster", ["Amelie Brandt", "Design", "chiara@acme.example", "Dai Nakamura"]);
      await chat.goesOn();
    }],
  ],
};

/** The names of the conversations that have passed, once for each stack. */
const passed = [];

onEachStack("dojo", (stage) => {
  for (const [id, conversations] of Object.entries(pages)) {
    for (const [feature, name, play] of conversations) {
      test(`${id}: ${name}`, async () => {
        await play(await stage.visit({ feature }));
        passed.push(name);
      });
    }
  }
});

test("docs/features.md is what this run makes", (t) => {
  if (process.env.AGUI_TEST_STACK) return t.skip("it needs both versions of HttpAgent");
  const names = Object.entries(pages).map(([id, conversations]) => [id, conversations.map(([, name]) => name)]);
  for (const name of names.flatMap(([, names]) => names)) {
    assert.equal(passed.filter((other) => other === name).length, 2, `"${name}" has not passed on both stacks`);
  }
  comparePage(renderPage(Object.fromEntries(names)));
});

/** Waits until an element has this value of a style. */
function hasStyle(element, name, value) {
  const style = () => element.evaluate((node, name) => node.style[name], name);
  return until(async () => (await style()) === value, `${name} is ${value}`);
}

/** Asks for a plan, takes the step that matches out of it, and confirms the others. */
async function choosesSteps(chat, text, step) {
  const card = chat.cards("Steps");
  await chat.say(text);
  await card.getByRole("checkbox", { name: step }).uncheck();
  await card.getByRole("button", { name: "Perform steps" }).click();
  await card.filter({ hasText: "Confirmed" }).waitFor();
  await chat.sees(/generate_task_steps answered: .*status disabled/);
  const { content } = chat.runs().at(-1).input.messages.findLast(({ role }) => role === "tool");
  const { accepted, steps } = JSON.parse(content);
  const out = steps.filter(({ status }) => status === "disabled").map(({ description }) => description);
  assert.ok(accepted && out.length === 1 && step.test(out[0]), `taken out: ${out.join(", ")}`);
}

/** Asks for a plan, and waits until all its steps are done, of which not all were at first. */
async function worksThrough(chat, text) {
  const steps = chat.page.getByRole("region", { name: "Plan", exact: true }).getByRole("listitem");
  chat.stage.line.next({ holdAfter: "STATE_DELTA" });
  await chat.say(text);
  const run = await heldRun(chat);
  await steps.filter({ hasText: "to do" }).first().waitFor();
  letGo(run);
  await until(async () => (await steps.filter({ hasText: ", done" }).count()) === 3, "three steps are done");
  await chat.sees(/All 3 steps are done/);
}

/** The Japanese lines of a poem. */
const linesOf = (card) => card.locator("[lang=ja]").allInnerTexts();

/** Waits until the recipe has an ingredient of this name. */
function hasIngredient(chat, name) {
  const names = () => chat.page.getByLabel(/^Ingredient \d/).evaluateAll((fields) => fields.map(({ value }) => value));
  return until(async () => (await names()).includes(name), `there is ${name} in the recipe`);
}

const textOf = (chat) => chat.page.getByRole("textbox", { name: "Text of the document" }).inputValue();

/** Waits until the text of the document matches. */
const hasText = (chat, pattern) => until(async () => pattern.test(await textOf(chat)), `the document has ${pattern}`);

/** The run whose stream is held now. */
const heldRun = (chat) => until(() => chat.runs().find(({ isHeld, isReleased }) => isHeld && !isReleased), "a run is held");

/** Lets the stream of a run go on. */
function letGo(run) {
  run.isReleased = true;
  run.release();
}

/** Asks for a document. A part of the text is on the page while the rest has not come. */
async function writes(chat, text, pattern) {
  const before = await textOf(chat);
  chat.stage.line.next({ holdAfter: "STATE_DELTA" });
  await chat.say(text);
  const run = await heldRun(chat);
  const part = await until(async () => {
    const shown = await textOf(chat);
    return shown !== "" && shown !== before && shown;
  }, "a part of the text is on the page");
  assert.ok(!run.isReleased && !part.endsWith("."), `it is complete: ${part}`);
  letGo(run);
  await hasText(chat, pattern);
  await until(async () => (await textOf(chat)).length > 2 * part.length, "the text has grown");
}

/** Keeps a change of the document or takes it back. */
async function answersDraft(chat, button, status) {
  await chat.press(button);
  await chat.cards("Changes").last().filter({ hasText: status }).waitFor();
  await chat.sees(new RegExp(`write_document answered: accepted ${button === "Confirm" ? "yes" : "no"}`));
}

/** Waits until there is a surface with these texts. */
async function hasSurface(chat, id, texts) {
  const surface = chat.page.locator(`[data-surface-id="${id}"]`).last();
  for (const text of texts) await surface.getByText(text).first().waitFor();
}
