// What a person does on the page, and what the person sees. Tests speak in these words.

import assert from "node:assert/strict";
import { until } from "./until.mjs";

export class Chat {
  constructor({ context, page, seen, thread, stage }) {
    Object.assign(this, { context, page, seen, thread, stage });
  }

  /** Opens a page of the application, with a conversation of its own. */
  open(feature) {
    return this.page.goto(`${this.stage.network.url}/${feature}?thread=${this.thread}`);
  }

  /** Signs in as a person. */
  async signIn(person) {
    await this.press(`Sign in as ${person}`);
    await this.composer.waitFor();
  }

  get composer() {
    return this.page.getByRole("textbox", { name: "Message" });
  }

  /**
   * Writes a message and sends it with Enter, pressed once. Before, it waits for the button Send, as a person does: while a run
   * is in progress, this button is Stop.
   */
  async say(text) {
    await this.composer.fill(text);
    await this.page.getByRole("button", { name: "Send", disabled: false }).waitFor();
    await this.composer.press("Enter");
    await until(async () => (await this.composer.inputValue()) === "", "the message is sent");
  }

  /** Waits until this text can be read on the page. */
  sees(text) {
    return this.page.getByText(text).last().waitFor();
  }

  /** Presses the button with this name. */
  press(name) {
    return this.page.getByRole("button", { name }).last().click();
  }

  /** The cards with this name, such as "Weather in Tokyo". */
  cards(name) {
    return this.page.getByRole("region", { name });
  }

  /** The question whether a call may run. */
  get approval() {
    return this.cards("Approval");
  }

  /** The values of the fields whose names match, in the order of the page. */
  values(name) {
    return this.page.getByRole("textbox", { name }).evaluateAll((fields) => fields.map((field) => field.value));
  }

  /** Attaches files to the next message, and waits until they are read: a message is not sent before. */
  async attach(...files) {
    await this.choose(...files);
    const shown = this.page.getByTestId("copilot-attachment-queue").getByRole("img");
    await until(async () => (await shown.count()) === files.length, "the files are read");
  }

  /** Chooses files for the next message. */
  async choose(...files) {
    const choosing = this.page.waitForEvent("filechooser");
    await this.press("Attach");
    const add = this.page.getByRole("menuitem").first();
    await Promise.race([choosing, add.click().catch(() => {})]);
    await (await choosing).setFiles(files);
  }

  /** Waits until no run is in progress. */
  isIdle() {
    return this.page.getByRole("button", { name: "Send" }).waitFor();
  }

  /** Stops the run that is in progress. */
  async stop() {
    await this.press("Stop");
    await this.page.getByRole("button", { name: "Send" }).waitFor();
  }

  /** The sentence that says what went wrong. */
  async alert() {
    const alert = this.page.getByRole("alert").filter({ hasText: /\w/ }).last();
    await alert.waitFor();
    return (await alert.locator("span").first().innerText()).trim();
  }

  /** No sentence says that something went wrong. */
  async seesNoProblem() {
    assert.equal((await this.page.getByRole("alert", { name: "Problem" }).innerText()).trim(), "");
  }

  /**
   * Sends a message and waits for its answer: the conversation goes on. The scripted model reads messages that were not
   * answered together with the next one, and looks for the weather first.
   */
  async goesOn(text = "And the weather in Paris?") {
    await this.say(text);
    await this.isAnswered(text);
  }

  /** Waits until the last message is this one, and has a complete answer of the scripted model behind it. */
  isAnswered(text) {
    const isAnswered = (text) => {
      const all = (name) => [...document.querySelectorAll(`[data-testid=copilot-${name}-message]`)];
      const [asked, answer] = [all("user").at(-1), all("assistant").at(-1)];
      if (!asked?.textContent.includes(text) || !answer?.textContent.includes("not a language model.)")) return false;
      return (asked.compareDocumentPosition(answer) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    };
    return this.page.waitForFunction(isAnswered, text);
  }

  /** Loads the page again, as a person does who presses F5. */
  async reload() {
    await this.page.reload();
    await this.composer.waitFor();
  }

  /** Closes the page, and opens its address again. */
  async reopen() {
    const address = this.page.url();
    await this.page.close();
    this.page = await this.context.newPage();
    await this.page.goto(address);
    await this.composer.waitFor();
  }

  /** The same conversation in another tab. */
  async secondTab() {
    const page = await this.context.newPage();
    await page.goto(this.page.url());
    const second = new Chat({ ...this, page });
    await second.composer.waitFor();
    return second;
  }

  /** The runs of this conversation that reached the line to the function, the oldest first. */
  runs() {
    return this.stage.line.runs.filter((run) => run.input.threadId === this.thread);
  }

  /** Waits until the line holds the events of a run back, and returns that run. */
  isHeld() {
    return until(() => this.runs().find((run) => run.isHeld), "a run is held");
  }

  /** From now on the page may throw this. */
  expectsFault(pattern) {
    this.expected = pattern;
  }

  /** What no page may do, a line each: a request to another host, or an error that nobody catches. */
  findings() {
    const faults = this.seen.faults.filter((fault) => !this.expected?.test(fault));
    return [
      ...this.seen.foreign.map((url) => `a request to another host: ${url}`),
      ...faults.map((fault) => `the page has thrown: ${fault}`),
    ];
  }

  /** How often a tool ran in this conversation, as the function's log has it when all runs have ended. */
  async ran(tool, agent = this.stage.agent) {
    await this.settled();
    return agent.ran(tool, this.thread);
  }

  /** Waits until the functions have logged the end of every run of this conversation that reached one, and did not die. */
  settled() {
    return this.stage.line.isSettled(this.thread, [this.stage.agent, ...this.stage.others]);
  }

  /** Waits until the button with this name rests where it can be pressed without scrolling: nothing covers it. */
  isInView(name) {
    const isOnTop = async (button) => {
      const before = button.getBoundingClientRect();
      for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      const { x, y, width, height } = button.getBoundingClientRect();
      const points = [[x + 3, y + height / 2], [x + width - 3, y + height / 2], [x + width / 2, y + height - 3]];
      return y === before.y && points.every(([x, y]) => button.contains(document.elementFromPoint(x, y)));
    };
    const button = this.page.getByRole("button", { name }).last();
    return until(() => button.evaluate(isOnTop), `the button ${name} is in view`);
  }

  /** Photographs the page into target/web. */
  picture(name) {
    return this.page.screenshot({ path: this.stage.picturePath(name) });
  }
}
