// One conversation of an official client with the function, and everything that was seen of it.
//
// Both client versions sit behind the same few verbs, so that a scenario is written once. Whatever the client prints
// is a problem: that is how it reports properties it stripped and events it dropped.

import { randomUUID } from "node:crypto";

import { scenarios } from "./scenarios.mjs";
import { bytesOf, eventsOf, outline, recordingFetch, wireProblems } from "./wire.mjs";

/** npm names of the client versions. */
export const clients = { "1.0": "@ag-ui/client", "0.0.59": "ag-ui-client-0" };

/**
 * Plays one scenario against `url` and says what was seen: `{ ok, scenario, client, outline, problems, recordings }`,
 * `recordings` being the raw bytes of each run. Never throws for what the server does.
 */
export async function play({ client, url, headers = {}, scenario, timeoutMs = 60_000 }) {
  const problems = [];
  const console = listenToConsole((line) => problems.push(`the client printed: ${line}`));
  // After a dropped connection the client also rejects a promise that nobody holds (its teardown cancels the broken
  // reader and throws again), which would end this process before it could report.
  const escaped = (error) => problems.push(`the client let an error escape: ${brief(error)}`);
  process.on("unhandledRejection", escaped);
  const { runs, recorder } = recordingFetch();
  try {
    const { HttpAgent } = await import(clients[client]);
    const agent = new HttpAgent({ url, headers, fetch: recorder });
    await scenarios[scenario](conversation(agent, client, runs, timeoutMs, problems));
  } catch (error) {
    if (!(error instanceof RunFailed)) problems.push(`the client failed: ${brief(error)}`);
  } finally {
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", escaped);
    console.release();
  }
  return {
    ok: problems.length === 0,
    scenario,
    client,
    outline: runs.flatMap((run, index) => [`-- run ${index + 1}`, ...outline(eventsOf(run))]),
    problems,
    recordings: runs.map(bytesOf),
  };
}

/** A run after which the scenario cannot go on; its problems are already noted. */
class RunFailed extends Error {}

function conversation(agent, client, runs, timeoutMs, problems) {
  const note = (problem) => problems.push(`run ${runs.length}: ${problem}`);
  // Whether the shapes before 1.0 are right whatever version the input declares.
  let isBefore1_0 = false;

  async function run(parameters = {}, { isToFail = false } = {}) {
    const seen = { outcome: undefined, pendingToolCallIds: undefined, interrupts: undefined, error: undefined };
    const states = [];
    const abortController = new AbortController();
    const timer = setTimeout(() => {
      note(`no end after ${timeoutMs} ms`);
      abortController.abort();
    }, timeoutMs);
    let failure;
    try {
      await agent.runAgent(
        { ...parameters, abortController },
        {
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
        },
      );
    } catch (error) {
      failure = error;
    } finally {
      clearTimeout(timer);
    }
    const record = runs.at(-1);
    if (isToFail && seen.error === undefined) note("the client saw no RUN_ERROR");
    const isAsExpected = isToFail && seen.error !== undefined;
    const isExpected = (problem) => isAsExpected && problem.startsWith("RUN_ERROR ");
    if (failure !== undefined && !isAsExpected) note(`the client failed: ${brief(failure)}`);
    if (record?.status === 200) wireProblems(record, isBefore1_0).filter((problem) => !isExpected(problem)).forEach(note);
    if ((failure !== undefined && !isAsExpected) || record === undefined) throw new RunFailed();
    return { ...seen, states, input: record.input, events: eventsOf(record) };
  }

  return {
    spokenVersion: client,
    check: (isRight, problem) => void (isRight || note(problem)),
    messages: () => agent.messages,
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
  };
}

/** Catches what is printed until released, but for the client's report of a failed run: that is thrown, too. */
function listenToConsole(hear) {
  const kept = { warn: console.warn, error: console.error };
  for (const level of Object.keys(kept)) {
    console[level] = (...parts) => {
      if (parts[0] !== "Agent execution failed:") hear(parts.map(brief).join(" "));
    };
  }
  return { release: () => Object.assign(console, kept) };
}

function brief(value) {
  const text = value instanceof Error ? value.message : typeof value === "string" ? value : JSON.stringify(value);
  const cause = value instanceof Error && value.cause ? ` (${value.cause.code ?? value.cause.message})` : "";
  return `${text}${cause}`.replace(/\s+/g, " ").slice(0, 300);
}
