// The conversations, which CopilotKit's runtime keeps in the memory of this process. Each person has conversations of their own:
// a thread id that somebody else uses, or has guessed, is another thread.

import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";

import { InMemoryAgentRunner } from "@copilotkit/runtime/v2";
import { finalize, of } from "rxjs";

/** How long a run waits for the one before it. A page that stops a run and sends at once is faster than its own connection ends. */
const PATIENCE_MS = 3000;

/** Whose request is handled. The runtime passes no person to its runner. */
const owner = new AsyncLocalStorage();

/** Handles a request of this session: threads in it are those of the session's person. */
export function asPersonOf(session, handle) {
  return owner.run(session.person.id, handle);
}

export class ThreadsOfPeople extends InMemoryAgentRunner {
  /** For each thread that a page watches a run of: a promise that is kept when the page is gone or the run has ended. */
  #watched = new Map();
  /** For each thread with a run that waits: the id of the run, and what stops it. */
  #waiting = new Map();

  constructor() {
    // A run that nobody watches any more, because the network broke, gives way to the next one.
    super({ onConcurrentRun: "supersede" });
  }

  async run(request) {
    const own = withOwner(request);
    const outcome = await this.#becomesFree(own);
    if (outcome === "stopped") return stopped(request.input);
    if (outcome === "busy") return busy(request.input);
    const events = super.run(own);
    let end;
    const watched = new Promise((resolve) => (end = resolve));
    this.#watched.set(own.threadId, watched);
    return events.pipe(
      finalize(() => {
        if (this.#watched.get(own.threadId) === watched) this.#watched.delete(own.threadId);
        end("free");
      }),
    );
  }

  /** Waits until the thread of a run is free. The person may stop the run meanwhile, and patience ends. */
  async #becomesFree({ threadId, input }) {
    const waiting = { runId: input.runId };
    const isStopped = new Promise((resolve) => (waiting.stop = () => resolve("stopped")));
    this.#waiting.set(threadId, waiting);
    const outcomes = [this.#watched.get(threadId) ?? "free", isStopped, wait(PATIENCE_MS, "busy", { ref: false })];
    const outcome = await Promise.race(outcomes);
    if (this.#waiting.get(threadId) === waiting) this.#waiting.delete(threadId);
    return outcome;
  }

  connect(request) {
    return super.connect(withOwner(request));
  }

  isRunning(request) {
    return super.isRunning(withOwner(request));
  }

  stop(request) {
    const own = withOwner(request);
    const waiting = this.#waiting.get(own.threadId);
    if (waiting === undefined || waiting.runId !== (request.runId ?? waiting.runId)) return super.stop(own);
    // It has not begun, so the runner does not know it.
    waiting.stop();
    return Promise.resolve(true);
  }
}

function withOwner(request) {
  const person = owner.getStore();
  if (person === undefined) throw new Error("A thread is used outside of the request of a person.");
  return { ...request, threadId: JSON.stringify([person, request.threadId]) };
}

/** The events of a run that was stopped before it began. */
function stopped({ threadId, runId }) {
  return of({ type: "RUN_STARTED", threadId, runId }, { type: "RUN_FINISHED", threadId, runId });
}

/** The events of a run that is not started, because another window of the same person watches one. */
function busy({ threadId, runId }) {
  const message = "The agent is still at work in this conversation, in another window. Please wait until it is done.";
  return of({ type: "RUN_STARTED", threadId, runId }, { type: "RUN_ERROR", message, code: "THREAD_BUSY" });
}
