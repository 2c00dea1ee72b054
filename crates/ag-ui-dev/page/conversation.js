// The conversation of this tab: its thread, its runs, and what waits for the developer.
//
// It decides when a run is sent and what it carries. It knows no element of the page; views listen to its events:
// `change` (the thread or the notes), `frame` (an event of a run), `runs` (a run began or ended).

import { createChunkExpander } from "./chunks.js";
import { buildResume, cancel } from "./resume.js";
import { perform } from "./run.js";
import { applyEvent, createThread, findCall, insertResult, messagesToSend, resultOf } from "./thread.js";

/** How many runs in a row the page starts by itself. A script may call the same tool forever. */
const MAX_RUNS_BY_ITSELF = 10;
/** How many runs keep their frames. */
const MAX_RUNS = 30;

export class Conversation extends EventTarget {
  thread = createThread(crypto.randomUUID());
  /** What is shown between the messages: `{ id, after, kind, ... }`, `after` being the id of a message. */
  notes = [];
  runs = [];
  /** The state of the thread when its last run began; undefined before the first. */
  stateBefore;
  /** Answers to the open interrupts, by their ids. */
  answers = new Map();
  #abort;
  #lastSent;
  #runsByItself = 0;

  /**
   * `prepare(input)` makes the request of a run; `runTool(call)` returns the result of a call that needs no person. While
   * `maySend()` returns false, a method that may send a run changes nothing and returns undefined.
   */
  constructor({ api, prepare, runTool, maySend = () => true }) {
    super();
    Object.assign(this, { api, prepare, runTool, maySend });
  }

  get isRunning() {
    return this.#abort !== undefined;
  }

  /** Whether the thread waits for an answer or for the result of a tool. */
  get isWaiting() {
    return !this.isRunning && (this.thread.interrupts.length > 0 || this.thread.pendingCalls.length > 0);
  }

  get canRetry() {
    return !this.isRunning && this.#lastSent !== undefined && this.notes.at(-1)?.kind === "error";
  }

  /** Sends a message. Interrupts that are open are cancelled by it, and calls of the page stay without a result. */
  say(text, pictures = []) {
    if (!this.maySend()) return undefined;
    const content = pictures.length === 0 ? text : [...(text ? [{ type: "text", text }] : []), ...pictures];
    const { thread } = this;
    const unanswered = new Map(thread.interrupts.map(({ id }) => [id, cancel()]));
    const resume = unanswered.size > 0 ? buildResume(thread.interrupts, unanswered) : undefined;
    thread.pendingCalls = [];
    thread.messages.push({ id: crypto.randomUUID(), role: "user", content });
    this.#runsByItself = 0;
    return this.#run(text || "A picture", resume);
  }

  /** Answers an interrupt. The next run is sent when all interrupts and calls are answered. `undefined` withdraws an answer. */
  answerInterrupt(id, answer) {
    if (answer !== undefined && !this.maySend()) return undefined;
    if (answer === undefined) this.answers.delete(id);
    else this.answers.set(id, answer);
    return this.#goOn();
  }

  /** Gives the result of a call of the page's own tools. */
  answerCall(toolCallId, { content, error }) {
    if (!this.maySend()) return undefined;
    this.#insert(toolCallId, { content, error });
    this.#runsByItself = 0;
    return this.#goOn();
  }

  /** Sends the last run again, with the messages as they are now. */
  retry() {
    if (!this.maySend()) return undefined;
    const { title, resume, ids } = this.#lastSent;
    this.#dropUnfinished(ids);
    // An interrupt whose call has a result by now has been answered.
    const open = new Set(this.thread.interrupts.map(({ id }) => id));
    const rest = resume?.filter(({ interruptId }) => open.has(interruptId));
    return this.#run(title, rest?.length > 0 ? rest : undefined);
  }

  stop() {
    this.#abort?.abort();
  }

  startNewThread() {
    this.stop();
    this.thread = createThread(crypto.randomUUID());
    this.notes = [];
    this.answers = new Map();
    this.stateBefore = undefined;
    this.#lastSent = undefined;
    this.#emit("change");
  }

  setState(state) {
    this.thread.state = state;
    this.#emit("change");
  }

  /** The values that `restore` needs. */
  snapshot() {
    return { thread: this.thread, notes: this.notes, wasRunning: this.isRunning };
  }

  restore({ thread, notes, wasRunning }) {
    this.thread = { ...createThread(thread.threadId), ...thread };
    this.notes = notes;
    this.#endProgress();
    if (wasRunning) this.inform("The page was reloaded during this run, which stopped it.");
    this.#emit("change");
  }

  /** Shows a sentence for the developer between the messages. */
  inform(text) {
    this.#note({ kind: "info", text });
    this.#emit("change");
  }

  /** Removes the texts at the end of the failed run, since the model would continue behind them. Calls and results stay. */
  #dropUnfinished(ids) {
    const { messages } = this.thread;
    const isDropped = (message) => message && !ids.has(message.id) && ["assistant", "reasoning"].includes(message.role) && !message.toolCalls;
    while (isDropped(messages.at(-1))) {
      const { id } = messages.pop();
      for (const note of this.notes) if (note.after === id) note.after = messages.at(-1)?.id;
    }
  }

  /** Sends the next run when all interrupts and calls have their answers. */
  #goOn() {
    const { thread } = this;
    const isComplete = thread.pendingCalls.length === 0 && thread.interrupts.every(({ id }) => this.answers.has(id));
    if (!isComplete || this.isRunning) {
      this.#emit("change");
      return undefined;
    }
    const resume = thread.interrupts.length > 0 ? buildResume(thread.interrupts, this.answers) : undefined;
    return this.#run(resume ? "Your answer" : "The results of the page's tools", resume);
  }

  async #run(title, resume) {
    const { thread } = this;
    const abort = new AbortController();
    const input = {
      threadId: thread.threadId,
      runId: crypto.randomUUID(),
      protocolVersion: "1.0",
      state: thread.state,
      messages: messagesToSend(thread),
      context: [],
      forwardedProps: {},
      ...(resume && { resume }),
    };
    const request = this.prepare(input);
    const run = { number: (this.runs.at(-1)?.number ?? 0) + 1, title, request, frames: [], startedAt: Date.now() };
    this.stateBefore = structuredClone(thread.state);
    this.runs = [...this.runs, run].slice(-MAX_RUNS);
    this.#abort = abort;
    this.#lastSent = { title, resume, ids: new Set(thread.messages.map(({ id }) => id)) };
    this.#emit("runs");
    this.#emit("change");
    const expand = createChunkExpander();
    run.ending = await perform({
      request,
      api: this.api,
      signal: abort.signal,
      onResponse: (seen) => {
        Object.assign(run, seen);
        this.#emit("runs");
      },
      onFrame: (frame) => {
        // After "New thread" the events of the old thread are ignored.
        if (this.thread === thread) this.#apply(frame, expand);
        run.frames.push(frame);
        this.dispatchEvent(new CustomEvent("frame", { detail: { run, frame } }));
        this.#emit("change");
      },
    });
    run.endedAt = Date.now();
    if (this.#abort === abort) this.#abort = undefined;
    if (this.thread === thread) this.#conclude(run);
    this.#emit("runs");
    this.#emit("change");
    if (this.thread === thread) await this.#runTools(run);
  }

  #apply(frame, expand) {
    const { event, problem } = frame;
    if (problem !== undefined) {
      this.#note({ kind: "error", code: "BAD_FRAME", text: problem, detail: frame.text });
      return;
    }
    try {
      for (const single of expand(structuredClone(event))) {
        const warning = applyEvent(this.thread, single);
        if (warning !== undefined) frame.warning = warning;
      }
    } catch (error) {
      frame.warning = error.message;
    }
    this.#noteEvent(event);
  }

  /** Handles events that are not a part of a message but are shown in the conversation. */
  #noteEvent(event) {
    const lastOpen = (kind, name) => this.notes.findLast((note) => note.kind === kind && note.name === name && note.status === "running");
    switch (event.type) {
      case "STEP_STARTED":
        this.#note({ kind: "step", name: event.stepName, status: "running" });
        break;
      case "STEP_FINISHED":
        Object.assign(lastOpen("step", event.stepName) ?? {}, { status: "finished" });
        break;
      case "SUBAGENT_STARTED":
        this.#note({ kind: "subagent", name: event.subagentRunId, title: event.name, status: "running" });
        break;
      case "SUBAGENT_FINISHED":
        Object.assign(lastOpen("subagent", event.subagentRunId) ?? {}, { status: event.outcome?.type === "suspended" ? "waiting" : "finished" });
        break;
      case "SUBAGENT_ERROR":
        Object.assign(lastOpen("subagent", event.subagentRunId) ?? {}, { status: "failed" });
        break;
      case "CUSTOM":
        if (event.name === "ag_ui_lambda.compacted") {
          const { turns_left_out: leftOut, reason } = event.value;
          this.#note({ kind: "info", text: `The conversation is too long (${reason}): the model did not read the first ${leftOut === 1 ? "message" : `${leftOut} messages`} of the user and the answers to them.` });
        }
        break;
      case "RUN_FINISHED":
        this.answers = new Map();
        if (event.outcome?.type === "cancelled") {
          const reason = event.metadata?.ag_ui_lambda?.reason;
          this.#note({ kind: "info", text: `The server stopped this run${reason ? `: ${reason}` : "."}` });
        }
        break;
      case "RUN_ERROR":
        this.#note({ kind: "error", code: event.code ?? "RUN_ERROR", text: event.message });
        break;
      default:
    }
  }

  /** Handles the end of a run. */
  #conclude(run) {
    const { kind, error, message, text } = run.ending;
    if (kind === "stopped") this.#note({ kind: "info", text: "You stopped this run." });
    else if (kind === "refused") {
      const { status, code, message, path, hint, reason } = error;
      this.#note({ kind: "error", status, code, text: message, path, hint, reason });
    } else if (kind === "cut") this.#note({ kind: "error", code: "NO_LAST_EVENT", text: message });
    else if (kind === "unreadable") this.#note({ kind: "error", code: "NO_EVENT_STREAM", text: message, detail: text });
    this.#endProgress();
    // Without a RUN_FINISHED the interrupts stay open, except those whose calls have a result.
    const { thread } = this;
    thread.interrupts = thread.interrupts.filter(({ toolCallId }) => !toolCallId || !resultOf(thread, toolCallId));
  }

  /** Runs the calls that need no person, and sends the next run if no other call or interrupt is open. */
  async #runTools(run) {
    const { pendingCalls } = this.thread;
    if (run.frames.at(-1)?.event?.type !== "RUN_FINISHED" || pendingCalls.length === 0 || !this.maySend()) return;
    if (this.#runsByItself >= MAX_RUNS_BY_ITSELF) {
      this.inform(`The page has sent ${MAX_RUNS_BY_ITSELF} runs in a row by itself and waits for you.`);
      return;
    }
    let hasRun = false;
    for (const id of [...pendingCalls]) {
      const result = this.runTool(findCall(this.thread, id).call);
      if (result === undefined) continue;
      this.#insert(id, result);
      hasRun = true;
    }
    if (!hasRun) return;
    this.#runsByItself += 1;
    await this.#goOn();
  }

  #insert(toolCallId, { content, error }) {
    const { thread } = this;
    insertResult(thread, { id: crypto.randomUUID(), role: "tool", toolCallId, content, ...(error !== undefined && { error }) });
    thread.pendingCalls = thread.pendingCalls.filter((id) => id !== toolCallId);
    thread.callTimes[toolCallId] = { ...thread.callTimes[toolCallId], finished: Date.now() };
  }

  /** Ends the steps that a run has left open. */
  #endProgress() {
    for (const note of this.notes) if (note.status === "running") note.status = "unfinished";
  }

  #note(note) {
    this.notes = [...this.notes, { id: crypto.randomUUID(), after: this.thread.messages.at(-1)?.id, ...note }];
  }

  #emit(type) {
    this.dispatchEvent(new Event(type));
  }
}
