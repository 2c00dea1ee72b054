// What a test plays on: the function, the line to it, the web server and the browser, started once for each test file
// and each stack.

import { after, afterEach, before, describe } from "node:test";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { startBrowser } from "./browser.mjs";
import { Chat } from "./chat.mjs";
import { startFunction } from "./function.mjs";
import { startLine } from "./line.mjs";
import { startNetwork } from "./network.mjs";
import { pictures } from "./paths.mjs";
import { startRecorder } from "./recorder.mjs";
import { startServer } from "./server.mjs";

/** The versions of `HttpAgent` that CopilotKit's runtime may have. AGUI_TEST_STACK plays only one. */
const stacks = process.env.AGUI_TEST_STACK?.split(",") ?? ["0.0.59", "1.0.0"];

/** Declares the tests of a file for each stack, one stack after the other. `tests` gets the stage. */
export function onEachStack(name, tests) {
  for (const stack of stacks) onStack(stack, name, tests);
}

/** Declares tests for one stack. */
export function onStack(stack, name, tests) {
  describe(`${name}, HttpAgent ${stack}`, () => {
    const stage = new Stage(stack);
    before(() => stage.open());
    after(() => stage.close());
    afterEach((t) => stage.endTest(t));
    tests(stage);
  });
}

/** Everything that a visit needs. Scripts that are no tests open it and close it themselves. */
export class Stage {
  constructor(stack) {
    Object.assign(this, { stack, chats: [], others: [], helpers: [] });
  }

  async open() {
    // One after another, so that `close` finds what was started before one of them fails.
    this.line = await startLine();
    this.agent = await startFunction();
    this.browser = await startBrowser();
    this.line.connect(this.agent.url);
    this.server = await startServer({ stack: this.stack, agentUrl: this.line.url, issuerUrl: this.agent.url });
    this.network = await startNetwork(this.server.url);
  }

  async close() {
    await this.browser?.close();
    const parts = [this.network, this.server, this.line, this.agent, ...this.others, ...this.helpers];
    for (const part of parts) await part?.stop();
  }

  /** Starts another function with other settings, and connects the web server with it until the test ends. */
  async otherFunction(options) {
    const settings = { ...(await this.agent.issuer()), ...options.settings };
    const other = await startFunction({ ...options, settings });
    this.others.push(other);
    this.line.connect(other.url);
    return other;
  }

  /** Starts another web server with other settings. Pages that are opened until the test ends are pages of it. */
  async otherServer(settings) {
    const other = await startServer({ stack: this.stack, agentUrl: this.line.url, issuerUrl: this.agent.url, settings });
    this.helpers.push(other);
    this.network.leadTo(other.url);
    return other;
  }

  /** Until the test ends, all that a browser receives is kept. */
  async record() {
    const recorder = await startRecorder(this.server.url);
    this.helpers.push(recorder);
    this.network.leadTo(recorder.url);
    return recorder;
  }

  /**
   * Opens a page of the application on a device of its own, and signs in; nobody is signed in where `as` is null.
   * `onPage` gets the browser's page before it loads anything.
   */
  async visit({ as = "Amelie", feature = "refund", onPage, ...device } = {}) {
    const { context, page, seen } = await this.browser.visit({ origin: this.network.url, ...device });
    const chat = new Chat({ context, page, seen, thread: randomUUID(), stage: this });
    this.chats.push(chat);
    await onPage?.(page);
    await chat.open(feature);
    if (as !== null) await chat.signIn(as);
    return chat;
  }

  /** Closes what the test has opened, and checks what no test may cause. */
  async endTest(t) {
    const chats = this.chats.splice(0);
    const servers = [this.server, ...this.helpers.filter((helper) => helper.foreign)];
    try {
      const last = chats.at(-1);
      if (last && !last.page.isClosed()) await last.picture(t.name);
      for (const chat of chats) await chat.context.close();
    } finally {
      await this.reset();
    }
    const found = chats.flatMap((chat) => chat.findings());
    for (const server of servers) found.push(...server.foreign().map((host) => `the web server has called ${host}`));
    if (!this.server.isRunning()) found.push(`the web server has ended:\n${this.server.output()}`);
    if (found.length === 0) return;
    // A test that has failed already shows its own error only.
    console.error(`${t.name}:\n${found.join("\n")}`);
    throw new Error(found.join("\n"));
  }

  /** Everything is as before the test, so that the next one does not fail because of this one. */
  async reset() {
    this.line.connect(this.agent.url);
    this.line.reset();
    this.network.up();
    this.network.leadTo(this.server.url);
    for (const other of [...this.others.splice(0), ...this.helpers.splice(0)]) await other.stop();
  }

  /** The path of a picture of this stack. */
  picturePath(name) {
    const words = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    return join(pictures(), `${this.stack}-${words}.png`);
  }
}
