// A page behind the server of examples/forward: what a person does on it and sees, whatever it is built with.
//
// Such a page has a text field named Message, the buttons Send, Stop, Approve and Deny, cards with the class `tool`, and an
// element with the role `alert`.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, afterEach, before, describe, test } from "node:test";
import { join } from "node:path";
import { findings } from "./axe.mjs";
import { startBrowser } from "./browser.mjs";
import { startFunction, token } from "./function.mjs";
import { startLine } from "./line.mjs";
import { pictures, root } from "./paths.mjs";
import { startProcess } from "./process.mjs";
import { until } from "./until.mjs";

/** Declares the tests of a page of `examples/`. */
export function describePage(name) {
  describe(`the page of examples/${name}`, () => {
    const stage = new Stage(name);
    before(() => stage.open());
    after(() => stage.close());
    afterEach((t) => stage.endTest(t));

    test("shows text and the call of a tool with its result", async () => {
      const person = await stage.visit("Amelie");
      await person.say("weather in Tokyo");
      await person.seesCard("get_weather", "Tokyo", "temperature");
      await person.goesOn();
      await person.hasRun("get_weather");
    });

    test("lets the agent use a tool of the page", async () => {
      const person = await stage.visit("Amelie");
      await person.say("change the background to teal");
      await until(async () => (await person.background()) === "teal", "the background is teal");
      await person.seesCard("change_background", "teal");
      await person.goesOn();
    });

    test("runs an approved call once, and shows its result", async () => {
      const person = await stage.visit("Amelie");
      await person.say("refund order 1234 for 20");
      await person.sees("Approve");
      await person.hasNotRun("refund_order");
      await person.press("Approve");
      await person.seesCard("refund_order", "1234", "refunded");
      await person.goesOn();
      await person.hasRun("refund_order");
    });

    test("sends one answer if Approve is pressed twice before the page has drawn the first press", async () => {
      const person = await stage.visit("Amelie");
      await person.say("refund order 1234 for 20");
      const approve = person.page.getByRole("button", { name: "Approve" });
      await approve.waitFor();
      const before = stage.line.runs.length;
      await approve.evaluate((button) => [button.click(), button.click()]);
      await person.seesCard("refund_order", "1234", "refunded");
      await person.isIdle();
      assert.equal(stage.line.runs.length, before + 1);
      await person.hasRun("refund_order");
    });

    for (const colorScheme of ["light", "dark"]) {
      test(`has no serious finding of axe, ${colorScheme}`, async () => {
        const person = await stage.visit("Amelie", { colorScheme });
        await person.say("weather in Tokyo");
        await person.seesCard("get_weather", "Tokyo", "temperature");
        await person.isIdle();
        await person.say("refund order 1234 for 20");
        await person.sees("Approve");
        assert.deepEqual(await findings(person.page), []);
      });
    }

    test("draws no message again, so that a screen reader reads each once", async () => {
      const person = await stage.visit("Amelie");
      await person.page.evaluate(() => {
        window.removed = [];
        const observer = new MutationObserver((changes) => {
          const nodes = changes.flatMap(({ removedNodes }) => [...removedNodes]);
          const articles = nodes.filter((node) => node.nodeName === "ARTICLE" && node.textContent !== "");
          window.removed.push(...articles.map((article) => article.textContent));
        });
        observer.observe(document.querySelector("[aria-live]"), { childList: true, subtree: true });
      });
      await person.goesOn("Good morning to everybody who reads this");
      assert.deepEqual(await person.page.evaluate(() => window.removed), []);
    });

    test("does not run a denied call", async () => {
      const person = await stage.visit("Amelie");
      await person.say("refund order 1234 for 20");
      await person.press("Deny");
      await person.seesCard("refund_order", "1234", "denied");
      await person.goesOn();
      await person.hasNotRun("refund_order");
    });

    test("offers nothing to approve to a person without the right", async () => {
      const person = await stage.visit("Ben");
      await person.say("refund order 1234 for 20");
      await person.sees("not on offer");
      await person.isIdle();
      assert.equal(await person.page.getByRole("button", { name: "Approve" }).count(), 0);
      await person.hasNotRun("refund_order");
    });

    for (const [when, words, event] of [
      ["in a text", "Good morning", "TEXT_MESSAGE_CONTENT"],
      ["in the call of a tool", "weather in Tokyo", "TOOL_CALL_ARGS"],
      ["in a call that needs an approval", "refund order 1234 for 20", "TOOL_CALL_START"],
    ]) {
      test(`stops ${when}, and the next message is answered`, async () => {
        const person = await stage.visit("Amelie");
        stage.line.next({ holdAfter: event });
        await person.say(words);
        await until(() => stage.line.runs.at(-1)?.isHeld, "the run is held");
        await person.press("Stop");
        await person.isIdle();
        assert.equal(await person.alert(), "", "a person who stops a run sees no error");
        await person.goesOn("Good evening");
        await person.hasNotRun("refund_order");
      });
    }

    test("stops in the run that answers an approval, and the call ran once", async () => {
      const person = await stage.visit("Amelie");
      await person.say("refund order 1234 for 20");
      await person.sees("Approve");
      stage.line.next({ holdAfter: "RUN_STARTED" });
      await person.press("Approve");
      await until(() => stage.line.runs.at(-1)?.isHeld, "the run is held");
      await person.press("Stop");
      await person.goesOn("Good evening");
      await person.hasRun("refund_order");
    });

    test("goes on after the connection breaks in the run that answers an approval", async () => {
      const person = await stage.visit("Amelie");
      await person.say("refund order 1234 for 20");
      await person.sees("Approve");
      stage.line.next({ cutAfter: "RUN_STARTED" });
      await person.press("Approve");
      await until(() => person.alert(), "an error is shown");
      await person.goesOn("Good evening");
      await person.hasRun("refund_order");
    });

    for (const [what, fail, mend] of [
      ["a run that fails", (person) => person.say("fail"), () => {}],
      ["a dead network", (person) => (stage.line.disconnect(), person.say("Hello")), () => stage.line.connect(stage.agent.url)],
      ["a connection that breaks", (person) => (stage.line.next({ cutAfter: "TEXT_MESSAGE_CONTENT" }), person.say("Hello")), () => {}],
      ["a refusal", (person) => (stage.line.next({ headers: { "x-agui-user-token": "x" } }), person.say("Hello")), () => {}],
    ]) {
      test(`shows ${what}, and the next message is answered`, async () => {
        const person = await stage.visit("Amelie");
        await fail(person);
        const sentence = await until(() => person.alert(), "an error is shown");
        assert.match(sentence, /^[A-Z][^{}]*\.$/, "it is a sentence, and no JSON");
        mend();
        await person.goesOn();
        assert.equal(await person.alert(), "", "the error is over");
      });
    }
  });
}

/** What a test of a page plays on. */
class Stage {
  constructor(name) {
    this.name = name;
    this.visits = [];
  }

  async open() {
    const folder = join(root, "examples", this.name);
    execFileSync(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--logLevel", "error"], { cwd: folder, stdio: "inherit" });
    this.line = await startLine();
    const variables = { PORT: "0", AGENT_URL: this.line.url, AGENT_TOKEN: token };
    const server = startProcess(process.execPath, ["examples/forward/server.mjs", join(folder, "dist")], {
      cwd: root,
      env: { ...process.env, ...variables },
      ready: /(http:\S+)\//,
    });
    [this.server, this.browser, this.agent] = await Promise.all([
      server,
      startBrowser(),
      startFunction({ settings: { AGUI_CLIENT_COMPAT: "auto" } }),
    ]);
    this.line.connect(this.agent.url);
  }

  async close() {
    await this.browser?.close();
    for (const part of [this.server, this.line, this.agent]) await part?.stop();
  }

  /** Opens the page as a person who has signed in. */
  async visit(name, device = {}) {
    const origin = this.server.match[1];
    const { context, page, seen } = await this.browser.visit({ origin, ...device });
    const person = new Person(this, page);
    this.visits.push({ context, page, seen });
    await page.goto(origin);
    await page.getByRole("button", { name }).click();
    await person.isIdle();
    return person;
  }

  /** Closes what the test has opened, and checks what no page may do. */
  async endTest(t) {
    this.line.connect(this.agent.url);
    this.line.reset();
    for (const { context, page, seen } of this.visits.splice(0)) {
      const words = `${this.name}-${t.name}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
      try {
        await page.screenshot({ path: join(pictures(), `${words}.png`) });
      } finally {
        await context.close();
      }
      assert.deepEqual(seen.foreign, [], "requests to other hosts");
      // When a connection breaks, @ag-ui/client also rejects a promise that it does not hold.
      const faults = seen.faults.filter((fault) => fault !== "TypeError: network error");
      assert.deepEqual(faults, [], "what the page has thrown");
    }
    assert.ok(this.server.isRunning(), this.server.output());
  }
}

/** A person at the page. */
class Person {
  constructor(stage, page) {
    Object.assign(this, { stage, page });
  }

  async say(text) {
    await this.page.getByRole("textbox", { name: "Message" }).fill(text);
    await this.press("Send");
  }

  press(name) {
    return this.page.getByRole("button", { name, exact: true }).click();
  }

  sees(text) {
    return this.page.getByText(text).last().waitFor();
  }

  /** Waits for the card of a call in which all these texts can be read. */
  seesCard(...texts) {
    const card = this.page.locator(".tool");
    return texts.reduce((found, text) => found.filter({ hasText: text }), card).waitFor();
  }

  /** The page is there, and nothing runs that could be stopped. */
  async isIdle() {
    await this.page.getByRole("textbox", { name: "Message" }).waitFor();
    await this.page.locator("button:disabled", { hasText: "Stop" }).waitFor();
  }

  /** Sends a message and waits for its answer: the thread lives. */
  async goesOn(text = "Good morning") {
    await this.isIdle();
    await this.say(text);
    // The scripted model repeats everything that was said since its last answer.
    await this.sees(new RegExp(`You said: [^]*${text}`));
    await this.isIdle();
  }

  /** The text of the error on the screen. */
  async alert() {
    return (await this.page.getByRole("alert").innerText()).trim();
  }

  background() {
    return this.page.evaluate(() => document.body.style.background);
  }

  /** The tool ran once in this conversation. */
  async hasRun(tool) {
    assert.equal(await this.ran(tool), 1, `${tool} has run once`);
  }

  /** The tool has not run in this conversation. */
  async hasNotRun(tool) {
    assert.equal(await this.ran(tool), 0, `${tool} has not run`);
  }

  /** How often a tool ran in this conversation, as the function's log has it when all runs have ended. */
  async ran(tool) {
    const { agent, line } = this.stage;
    const thread = line.runs.at(-1).input.threadId;
    await line.isSettled(thread, [agent]);
    return agent.ran(tool, thread);
  }
}
