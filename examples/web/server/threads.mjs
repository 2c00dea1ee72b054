// The conversations, which CopilotKit's runtime keeps in the memory of this process. Each person has conversations of their own:
// a thread id that somebody else uses, or has guessed, is another thread.

import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";

import { InMemoryAgentRunner } from "@copilotkit/runtime/v2";
import { finalize, of } from "rxjs";

/** How long a run waits for the one before it. A page that stops a run and sends at once is faster than its own connection ends. */
const PATIENCE_MS = 1000;

/** Whose request is handled. The runtime passes no person to its runner. */
const owner = new AsyncLocalStorage();

/** Handles a request of this session: threads in it are those of the session's person. */
export function asPersonOf(session, handle) {
  return owner.run(session.person.id, handle);
}

export class ThreadsOfPeople extends InMemoryAgentRunner {
  /** For each thread that a page watches a run of: a promise that is kept when the page is gone or the run has ended. */
  #watched = new Map();

  constructor() {
    // A run that nobody watches any more, because the network broke, gives way to the next one.
    super({ onConcurrentRun: "supersede" });
  }

  async run(request) {
    const own = withOwner(request);
    const isFree = await Promise.race([this.#watched.get(own.threadId) ?? true, wait(PATIENCE_MS, false, { ref: false })]);
    if (isFree === false) return busy(request.input);
    const events = super.run(own);
    let end;
    const watched = new Promise((resolve) => (end = resolve));
    this.#watched.set(own.threadId, watched);
    return events.pipe(
      finalize(() => {
        if (this.#watched.get(own.threadId) === watched) this.#watched.delete(own.threadId);
        end(true);
      }),
    );
  }

  connect(request) {
    return super.connect(withOwner(request));
  }

  isRunning(request) {
    return super.isRunning(withOwner(request));
  }

  stop(request) {
    return super.stop(withOwner(request));
  }
}

function withOwner(request) {
  const person = owner.getStore();
  if (person === undefined) throw new Error("A thread is used outside of the request of a person.");
  return { ...request, threadId: JSON.stringify([person, request.threadId]) };
}

/** The events of a run that is not started, because another window of the same person watches one. */
function busy({ threadId, runId }) {
  const message = "The agent is still at work in this conversation, in another window. Please wait until it is done.";
  return of({ type: "RUN_STARTED", threadId, runId }, { type: "RUN_ERROR", message, code: "THREAD_BUSY" });
}
