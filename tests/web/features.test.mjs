// Every page of the web example, as a person uses it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { onEachStack } from "./support/stage.mjs";
import { until } from "./support/until.mjs";

/** A picture of one red point, as somebody attaches it. */
const PICTURE = {
  name: "point.png",
  mimeType: "image/png",
  buffer: Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
    "base64",
  ),
};

/** A picture of 2.9 MB. What stands behind the end of a PNG does not matter. */
const LARGE = { ...PICTURE, name: "large.png", buffer: Buffer.concat([PICTURE.buffer, randomBytes(2_900_000)]) };

/** Makes a person of the page who writes `text` into the field as soon as it is open: before any effect of React has run. */
function writeAtOnce(page, selector, text) {
  return page.addInitScript(([selector, text]) => {
    const observer = new MutationObserver(() => {
      const field = document.querySelector(selector);
      if (!field || field.readOnly || field.matches(":disabled")) return;
      observer.disconnect();
      const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
      set.call(field, text);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    observer.observe(document, { subtree: true, childList: true, attributes: true });
  }, [selector, text]);
}

onEachStack("features", (stage) => {
  test("chat: the person says something, and the answer is written", async () => {
    const chat = await stage.visit({ feature: "chat" });
    await chat.goesOn("Hi, I am Ada");
    await chat.goesOn("Good evening");
  });

  test("chat: a suggestion is a message", async () => {
    const chat = await stage.visit({ feature: "chat" });
    await chat.press("Who am I?");
    await chat.sees(/user amelie/);
    assert.equal(await chat.ran("get_account"), 1);
  });

  test("chat: a report in several parts is on its card, and in the answer", async () => {
    const chat = await stage.visit({ feature: "chat" });
    await chat.say("Show the sales report");
    await chat.isAnswered("Show the sales report");
    await chat.sees(/Sales rose from 46 in January to 112 in June/);
    assert.equal(await chat.ran("sales_report"), 1);
  });

  test("weather: each city has a card with what the tool returned", async () => {
    const chat = await stage.visit({ feature: "weather" });
    await chat.say("weather in Tokyo and Lisbon");
    await chat.cards("Weather in Tokyo").filter({ hasText: "22 °C" }).waitFor();
    await chat.cards("Weather in Lisbon").filter({ hasText: "Humidity" }).waitFor();
    await chat.isAnswered("Tokyo and Lisbon");
    assert.equal(await chat.ran("get_weather"), 2);
  });

  test("background: the agent's call runs on the page, and its result goes back to the agent", async () => {
    const chat = await stage.visit({ feature: "background" });
    await chat.say("Change the background to teal");
    await chat.isAnswered("background to teal");
    const canvas = chat.cards("Canvas");
    assert.equal(await canvas.evaluate((canvas) => getComputedStyle(canvas).backgroundColor), "rgb(0, 128, 128)");
    const { messages } = chat.runs().at(-1).input;
    assert.equal(messages.filter(({ role }) => role === "tool").length, 1, "the run behind it brings the result");
  });

  test("haiku: the page draws the arguments of the call", async () => {
    const chat = await stage.visit({ feature: "haiku" });
    await chat.say("Write a haiku");
    await chat.cards("Haiku").filter({ hasText: "古池や" }).filter({ hasText: "The sound of water" }).waitFor();
  });

  test("steps: the agent goes on with the steps that the person chose", async () => {
    const chat = await stage.visit({ feature: "steps" });
    await chat.say("Make a plan in 3 steps");
    const steps = chat.cards("Steps");
    await steps.getByRole("checkbox", { name: "Pack the bag" }).uncheck();
    await chat.press("Perform steps");
    await steps.filter({ hasText: "Confirmed" }).waitFor();
    await chat.isAnswered("plan in 3 steps");
    const result = JSON.parse(chat.runs().at(-1).input.messages.findLast(({ role }) => role === "tool").content);
    assert.deepEqual(result.steps.map(({ status }) => status), ["enabled", "disabled", "enabled"]);
  });

  test("steps: after a reload the plan waits still, and nothing is suggested", async () => {
    const chat = await stage.visit({ feature: "steps" });
    const suggestions = chat.page.getByTestId("copilot-suggestion");
    await suggestions.first().waitFor();
    await chat.say("Make a plan in 3 steps");
    await chat.page.getByRole("button", { name: "Perform steps" }).waitFor();
    await chat.reload();
    await chat.page.getByRole("button", { name: "Perform steps" }).waitFor();
    await until(async () => (await suggestions.count()) === 0, "nothing is suggested");
    await chat.press("Perform steps");
    await chat.isAnswered("plan in 3 steps");
    await chat.press("New conversation");
    await suggestions.first().waitFor();
  });

  test("steps: the person rejects the plan", async () => {
    const chat = await stage.visit({ feature: "steps" });
    await chat.say("Make a plan in 3 steps");
    await chat.press("Reject");
    await chat.cards("Steps").filter({ hasText: "Rejected" }).waitFor();
    await chat.isAnswered("plan in 3 steps");
    await chat.goesOn();
  });

  test("plan: the steps are done one after another on the screen", async () => {
    const chat = await stage.visit({ feature: "plan" });
    stage.line.next({ holdAfter: "STATE_DELTA" });
    await chat.say("Make a plan in 5 steps");
    const run = await chat.isHeld();
    await chat.sees(/[0-4] of 5 steps are done\./);
    run.release();
    await chat.sees("5 of 5 steps are done.");
    await chat.isAnswered("plan in 5 steps");
    assert.equal(await chat.ran("work_through"), 1);
  });

  test("recipe: the agent changes what the person has written", async () => {
    const chat = await stage.visit({ feature: "recipe" });
    await chat.page.getByRole("textbox", { name: "Title" }).fill("Soup of the day");
    await chat.press("Improve");
    await chat.sees(/There is .* in it now/);
    const names = await chat.values(/^Ingredient \d+$/);
    assert.deepEqual(names, ["Carrots", "Onion", "Salt"]);
    assert.equal(await chat.page.getByRole("textbox", { name: "Title" }).inputValue(), "Soup of the day");
    assert.equal(chat.runs()[0].input.state.recipe.title, "Soup of the day", "the agent gets what the person wrote");
  });

  test("recipe: what is written as soon as the form is open is kept", async () => {
    const onPage = (page) => writeAtOnce(page, "section[aria-label=Recipe] input", "Soup of the day");
    const chat = await stage.visit({ feature: "recipe", onPage });
    await chat.press("Improve");
    await chat.sees(/There is .* in it now/);
    assert.equal(chat.runs()[0].input.state.recipe.title, "Soup of the day");
  });

  test("recipe: a pasta recipe takes the place of the one before", async () => {
    const chat = await stage.visit({ feature: "recipe" });
    await chat.say("Create a delicious Italian pasta recipe.");
    await chat.isAnswered("Italian pasta");
    assert.equal(await chat.page.getByRole("textbox", { name: "Title" }).inputValue(), "Pasta with tomatoes");
    assert.deepEqual(await chat.values(/^Ingredient \d+$/), ["Pasta", "Tomatoes", "Garlic"]);
    assert.equal(await chat.ran("create_recipe"), 1);
  });

  test("document: the text grows on the page while it is written, and is kept", async () => {
    const chat = await stage.visit({ feature: "document" });
    stage.line.next({ holdAfter: "TOOL_CALL_ARGS", times: 8 });
    await chat.say("Write a story about a cat");
    const run = await chat.isHeld();
    const text = chat.page.getByRole("textbox", { name: "Text of the document" });
    const partial = await until(async () => /^Once there was/.exec(await text.inputValue())?.input, "the text grows");
    assert.doesNotMatch(partial, /script\.$/);
    await chat.picture("document-while-it-is-written");
    run.release();
    await chat.press("Confirm");
    await chat.cards("Changes").filter({ hasText: "Kept" }).waitFor();
    assert.match(await text.inputValue(), /^Once there was a cat\..*better writer than a script\.$/);
    await chat.isAnswered("story about a cat");
    await chat.goesOn();
  });

  test("document: the person takes the changes back", async () => {
    const chat = await stage.visit({ feature: "document" });
    await chat.say("Write a story about a cat");
    await chat.press("Reject");
    await chat.cards("Changes").filter({ hasText: "Taken back" }).waitFor();
    const text = chat.page.getByRole("textbox", { name: "Text of the document" });
    await until(async () => (await text.inputValue()) === "", "the text before is back");
    await chat.goesOn();
  });

  test("document: after a reload the person can still take the changes back", async () => {
    const chat = await stage.visit({ feature: "document" });
    const text = chat.page.getByRole("textbox", { name: "Text of the document" });
    await chat.say("Write a story about a cat");
    await chat.press("Confirm");
    await chat.isAnswered("story about a cat");
    await text.fill("Once there was a cat, and I have written this.");
    await chat.say("Add a character named Courage");
    await chat.page.getByRole("button", { name: "Reject" }).waitFor();
    await chat.reload();
    await chat.press("Reject");
    await chat.cards("Changes").last().filter({ hasText: "Taken back" }).waitFor();
    await until(async () => /I have written this/.test(await text.inputValue()), "the text before is back");
    await chat.goesOn();
  });

  for (const [feature, field] of [["recipe", "Title"], ["document", "Text of the document"]]) {
    test(`${feature}: nobody can type before the page is connected, so nothing is lost`, async () => {
      const chat = await stage.visit({ feature });
      let connect;
      const connected = new Promise((resolve) => (connect = resolve));
      await chat.page.route("**/api/copilotkit/info*", async (route) => {
        await connected;
        await route.continue();
      });
      await chat.reload();
      const typed = chat.page.getByRole("textbox", { name: field });
      assert.equal(await typed.isEditable(), false);
      connect();
      await until(() => typed.isEditable(), "the page is connected");
      await typed.fill("Mine");
      await chat.goesOn();
      assert.equal(await typed.inputValue(), "Mine");
    });
  }

  test("meeting: the tool goes on with the time that the person chose", async () => {
    const chat = await stage.visit({ feature: "meeting" });
    await chat.say("Schedule a meeting");
    await chat.press(/, 14:00$/);
    await chat.cards("Meeting").filter({ hasText: "Arranged" }).waitFor();
    await chat.isAnswered("Schedule a meeting");
    await chat.goesOn();
    assert.equal(await chat.ran("schedule_meeting"), 2, "once to ask, and once with the answer");
  });

  for (const button of ["None of these", "Cancel"]) {
    test(`meeting: ${button} arranges none`, async () => {
      const chat = await stage.visit({ feature: "meeting" });
      await chat.say("Schedule a meeting");
      await chat.press(button);
      await chat.cards(/meeting/i).filter({ hasText: "No meeting" }).waitFor();
      await chat.isAnswered("Schedule a meeting");
      await chat.goesOn();
    });
  }

  test("reasoning: the thoughts are shown before the answer", async () => {
    const chat = await stage.visit({ feature: "reasoning" });
    await chat.say("Think about it");
    await chat.isAnswered("Think about it");
    await chat.press(/Thought for/);
    await chat.sees("A script has little to think about.");
  });

  test("picture: the picture reaches the model", async () => {
    const chat = await stage.visit({ feature: "picture" });
    await chat.attach(PICTURE);
    await chat.say("What is in the image?");
    await chat.sees(/I got a picture\./);
    await chat.isAnswered("What is in the image?");
    const { content } = chat.runs().at(-1).input.messages.at(-1);
    assert.equal(content.filter(({ type }) => type === "image").length, 1);
  });

  test("picture: of two large pictures one is sent, and the conversation goes on", async () => {
    const chat = await stage.visit({ feature: "picture" });
    await chat.attach(LARGE, LARGE);
    await chat.say("What is in the image?");
    await chat.sees(/A picture was left out/);
    await chat.isAnswered("What is in the image?");
    await chat.goesOn("Good evening");
  });

  test("picture: large pictures in several messages are sent as long as they fit, the newest first", async () => {
    const chat = await stage.visit({ feature: "picture" });
    for (const text of ["What is in the image?", "And what is in this image?"]) {
      await chat.attach(LARGE);
      await chat.say(text);
      await chat.isAnswered(text);
    }
    const { messages } = chat.runs().at(-1).input;
    const kinds = messages.filter(({ role }) => role === "user").map(({ content }) => content.map(({ type }) => type));
    assert.deepEqual(kinds, [["text", "text"], ["text", "image"]]);
    await chat.goesOn("Good evening");
  });

  test("picture: one that is too large is refused at once", async () => {
    const chat = await stage.visit({ feature: "picture" });
    const file = { ...PICTURE, buffer: Buffer.concat([PICTURE.buffer, randomBytes(3_100_000)]) };
    await chat.choose(file);
    assert.match(await chat.alert(), /exceeds the maximum size/);
    await chat.goesOn("Good evening");
  });

  test("travel: a tool's result is a user interface", async () => {
    const chat = await stage.visit({ feature: "travel" });
    await chat.say("Find flights from SFO to JFK");
    for (const text of ["Flights from SFO to JFK", "UA 214", "$315"]) await chat.sees(text);
    assert.equal(await chat.page.getByText(/catalog not found/i).count(), 0);
    assert.equal(await chat.ran("search_flights"), 1);
  });

  test("surfaces: the model composes a user interface", async () => {
    const chat = await stage.visit({ feature: "surfaces" });
    await chat.say("Show a dashboard");
    for (const text of ["Today at a glance", "Visitors", "1,204"]) await chat.sees(text);
    assert.equal(await chat.page.getByText(/catalog not found/i).count(), 0);
    await chat.goesOn();
  });

  test("errors: the person reads what went wrong, and can go on", async () => {
    const chat = await stage.visit({ feature: "errors" });
    await chat.say("Please fail");
    assert.match(await chat.alert(), /model is not available/);
    await chat.sees("Let me try.");
    await chat.goesOn("Hi, I am Ada");
  });

  test("two presses before the page has drawn the first sign in once", async () => {
    const sent = [];
    const onPage = (page) => page.on("request", (request) => /sign-in$/.test(request.url()) && sent.push(request.url()));
    const chat = await stage.visit({ as: null, onPage });
    await chat.page.getByRole("button", { name: "Sign in as Ben" }).evaluate((button) => [button.click(), button.click()]);
    await chat.composer.waitFor();
    assert.equal(sent.length, 1);
  });

  test("a sign-out without a network is a sentence, with a way out", async () => {
    const chat = await stage.visit({ feature: "chat" });
    stage.network.down();
    await chat.press("Sign out");
    // The chat may report the network as well, before the sign-out has failed. The way out stands below the sentence of the latter.
    await chat.page.getByRole("button", { name: "Try again" }).waitFor();
    await chat.page.getByRole("alert").filter({ hasText: /cannot be reached/ }).waitFor();
    stage.network.up();
    await chat.press("Try again");
    await chat.composer.waitFor();
    await chat.press("Sign out");
    await chat.sees("Who are you?");
    assert.equal(await chat.page.title(), "Sign in - Agent on Lambda");
  });

  test("a tab notices that another one has signed in as somebody else", async () => {
    const chat = await stage.visit({ feature: "chat" });
    await chat.goesOn("My number is 4711");
    const second = await chat.secondTab();
    await second.press("Sign out");
    await chat.sees("Who are you?");
    await second.signIn("Ben");
    await chat.sees("Signed in as Ben");
    assert.equal(await chat.page.getByText("4711").count(), 0, "the conversation is Amelie's");
    await chat.say("who am I");
    await chat.sees(/user ben/);
  });

  test("a tab notices who is signed in when the person comes back to it", async () => {
    const chat = await stage.visit({ feature: "chat" });
    // The cookie is another one, and no tab has said so.
    await chat.context.request.post(`${stage.network.url}/api/sign-in`, { data: { name: "Ben" } });
    await chat.page.evaluate(() => void dispatchEvent(new Event("focus")));
    await chat.sees("Signed in as Ben");
    await chat.say("who am I");
    await chat.sees(/user ben/);
  });

  test("sign-out ends the conversation for the next person", async () => {
    const chat = await stage.visit({ feature: "chat" });
    await chat.goesOn("My number is 4711");
    const address = chat.page.url();
    await chat.press("Sign out");
    // To leave the page before would cancel the sign-out.
    await chat.sees("Who are you?");
    await chat.page.goto(address);
    await chat.signIn("Ben");
    assert.equal(await chat.page.getByText("4711").count(), 0, "the conversation is Amelie's");
    await chat.say("who am I");
    await chat.sees(/user ben/);
  });
});
