// One conversation of an official client with the function, and everything that was seen of it.
//
// Both client versions sit behind the same few verbs, so that a scenario is written once. Whatever the client prints
// is a problem: that is how it reports properties it stripped and events it dropped.

import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import { cuttable } from "./cut.mjs";
import { scenarios } from "./scenarios.mjs";
import { bytesOf, eventsOf, outline, recordingFetch, wireProblems } from "./wire.mjs";

/** npm names of the client versions. */
export const clients = { "1.0": "@ag-ui/client", "0.0.59": "ag-ui-client-0" };

/**
 * Plays one scenario against `url` and says what was seen: `{ ok, scenario, client, problems, outline, recordings }`,
 * `recordings` being the raw bytes of each run. Never throws for what the server does.
 */
export async function play({ client, url, headers = {}, scenario, timeoutMs = 60_000 }) {
  const problems = [];
  const console = listenToConsole((line) => problems.push(`the client printed: ${line}`));
  // After a dropped connection the client also rejects a promise that nobody holds (its teardown cancels the broken
  // reader and throws again), which would end this process before it could report.
  const ours = new WeakSet();
  const escaped = (error) => ours.has(error) || problems.push(`the client let an error escape: ${brief(error)}`);
  process.on("unhandledRejection", escaped);
  const threads = [];
  try {
    const { HttpAgent } = await import(clients[client]);
    const begin = (threadId) => {
      const { transport, cutNext } = cuttable((error) => ours.add(error));
      const { runs, recorder } = recordingFetch(transport);
      threads.push(runs);
      const name = threadId === undefined ? "" : `${threadId}, `;
      const note = (problem) => problems.push(`${name}run ${runs.length}: ${problem}`);
      const fetch = (...request) => {
        const answer = recorder(...request);
        sending.getStore().record = runs.at(-1);
        return answer;
      };
      const agent = new HttpAgent({ url, headers, fetch, ...(threadId !== undefined && { threadId }) });
      return { ...conversation(agent, client, runs, timeoutMs, note), begin, cutNext };
    };
    await scenarios[scenario](begin());
  } catch (error) {
    if (!(error instanceof RunFailed)) problems.push(`the client failed: ${brief(error)}`);
  } finally {
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", escaped);
    console.release();
  }
  const runs = threads.flat();
  return {
    ok: problems.length === 0,
    scenario,
    client,
    problems,
    outline: runs.flatMap((run, index) => [`-- run ${index + 1}`, ...outline(eventsOf(run))]),
    recordings: runs.filter(({ status }) => status === 200).map(bytesOf),
  };
}

/** Which run a request is of, since a client may have two under way. */
const sending = new AsyncLocalStorage();

/** A run after which the scenario cannot go on; its problems are already noted. */
class RunFailed extends Error {}

function conversation(agent, client, runs, timeoutMs, note) {
  // Whether the shapes before 1.0 are right whatever version the input declares.
  let isBefore1_0 = false;

  /** Runs the agent. `isToFail`: with a RUN_ERROR. `isLost`: the answer is cut or refused, and the client may say so. */
  async function run(parameters = {}, { isToFail = false, isLost = false } = {}) {
    const seen = { outcome: undefined, pendingToolCallIds: undefined, interrupts: undefined, error: undefined };
    const states = [];
    const dispatched = [];
    const abortController = new AbortController();
    const timer = setTimeout(() => {
      note(`no end after ${timeoutMs} ms`);
      abortController.abort();
    }, timeoutMs);
    const sent = { record: undefined };
    let failure;
    try {
      const subscriber = {
        onEvent({ event }) {
          dispatched.push(structuredClone(event));
        },
        onStateChanged({ state }) {
          states.push(structuredClone(state));
        },
        // What the client has built so far, before it takes the snapshot.
        onMessagesSnapshotEvent({ messages }) {
          seen.built = structuredClone(messages);
        },
        onRunFinishedEvent({ outcome, pendingToolCallIds, interrupts }) {
          Object.assign(seen, { outcome, pendingToolCallIds, interrupts });
        },
        onRunErrorEvent({ event }) {
          seen.error = event;
        },
      };
      await sending.run(sent, () => agent.runAgent({ ...parameters, abortController }, subscriber));
    } catch (error) {
      failure = error;
    } finally {
      clearTimeout(timer);
    }
    const { record } = sent;
    if (isToFail && seen.error === undefined) note("the client saw no RUN_ERROR");
    const isAsExpected = isLost || (isToFail && seen.error !== undefined);
    const isExpected = (problem) => isAsExpected && problem.startsWith("RUN_ERROR ");
    if (failure !== undefined && !isAsExpected) note(`the client failed: ${brief(failure)}`);
    if (record?.status === 200 && !isLost) {
      wireProblems(record, isBefore1_0).filter((problem) => !isExpected(problem)).forEach(note);
    }
    const dropped = record === undefined ? [] : droppedOf(eventsOf(record), dispatched, client);
    if (dropped.length > 0) note(`the client dropped ${dropped.map(({ type }) => type).join(" ")}`);
    if ((failure !== undefined && !isAsExpected) || (record === undefined && !isLost)) throw new RunFailed();
    const { status, input } = record ?? {};
    return { ...seen, states, failure, status, input, events: record === undefined ? [] : eventsOf(record) };
  }

  return {
    spokenVersion: client,
    check: (isRight, problem) => void (isRight || note(problem)),
    messages: () => agent.messages,
    forgetMessages: () => agent.setMessages([]),
    state: () => structuredClone(agent.state),
    share: (state) => agent.setState(state),
    use: (middleware) => agent.use(middleware),
    expectShapesBefore1_0: () => void (isBefore1_0 = true),
    say(content, parameters, expected) {
      agent.addMessage({ id: randomUUID(), role: "user", content });
      return run(parameters, expected);
    },
    answer: (toolCallId, content) => agent.addMessage({ id: randomUUID(), role: "tool", toolCallId, content }),
    continue: run,
    /** What the client holds of interrupts that nobody has answered. */
    pending: () => agent.pendingInterrupts,
    forgetInterrupts: () => void (agent.pendingInterrupts = []),
    header: (name) => agent.headers[name],
    /** Sets a request header for the runs that follow; undefined takes it away. */
    setHeader: (name, value) => void (agent.headers = withMember(agent.headers, name, value)),
    /** Sends the last request once more as it was, past the client; returns the events of the answer. */
    async resend() {
      const { recorder, runs: again } = recordingFetch();
      const { url } = agent;
      const response = await recorder(url, { ...runs.at(-1).init, signal: undefined });
      await response.arrayBuffer();
      return eventsOf(again[0]);
    },
  };
}

function withMember(members, name, value) {
  const { [name]: _, ...others } = members;
  return value === undefined ? others : { ...others, [name]: value };
}

/** The events of the wire that a client has not dispatched to its subscribers, in order and with all that they hold. */
function droppedOf(events, dispatched, client) {
  let at = 0;
  // A client before 1.0 reads nothing of the tokens that were used; any client may fill in what the schema has by default.
  const isRead = (name) => name !== "usage" || client === "1.0";
  const isWhole = (event, seen) =>
    Object.keys(event).filter(isRead).every((name) => isDeepStrictEqual(event[name], seen[name]));
  return events.filter((event) => {
    const found = dispatched.findIndex((seen, place) => place >= at && isWhole(event, seen));
    if (found >= 0) at = found + 1;
    return found < 0;
  });
}

/** Catches what is printed until released, but for the client's report of a failed run: that is thrown, too. */
function listenToConsole(report) {
  const kept = { warn: console.warn, error: console.error };
  for (const level of Object.keys(kept)) {
    console[level] = (...parts) => {
      if (parts[0] !== "Agent execution failed:") report(parts.map(brief).join(" "));
    };
  }
  return { release: () => Object.assign(console, kept) };
}

function brief(value) {
  const text = value instanceof Error ? value.message : typeof value === "string" ? value : JSON.stringify(value);
  const cause = value instanceof Error && value.cause ? ` (${value.cause.code ?? value.cause.message})` : "";
  return `${text}${cause}`.replace(/\s+/g, " ").slice(0, 300);
}
