// The conversations of the web server, without a browser.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ThreadsOfPeople, asPersonOf } from "../../examples/web/server/threads.mjs";

const SESSION = { person: { id: "amelie" } };

/** An agent whose runs never end. */
function endlessAgent() {
  const agent = { messages: [], runs: 0, runAgent: () => new Promise(() => void (agent.runs += 1)), abortRun() {} };
  return agent;
}

// A promise alone does not keep the process alive.
const alive = setInterval(() => {}, 1000);
after(() => clearInterval(alive));

/** A request to run an agent in a thread. */
const request = (agent, threadId, runId) => ({ agent, threadId, input: { threadId, runId, messages: [] } });

test("a run that is stopped while it waits for the one before does not begin", async () => {
  await asPersonOf(SESSION, async () => {
    const threads = new ThreadsOfPeople();
    const [first, second] = [endlessAgent(), endlessAgent()];
    const watching = (await threads.run(request(first, "t1", "r1"))).subscribe();
    const waiting = threads.run(request(second, "t1", "r2"));
    assert.equal(await threads.stop({ threadId: "t1", runId: "r2" }), true);
    const events = [];
    await (await waiting).forEach(({ type }) => events.push(type));
    assert.deepEqual(events, ["RUN_STARTED", "RUN_FINISHED"]);
    assert.deepEqual([first.runs, second.runs], [1, 0]);
    watching.unsubscribe();
  });
});

test("a run that waits is not stopped with the one before", async () => {
  await asPersonOf(SESSION, async () => {
    const threads = new ThreadsOfPeople();
    const [first, second] = [endlessAgent(), endlessAgent()];
    const watching = (await threads.run(request(first, "t2", "r1"))).subscribe();
    const waiting = threads.run(request(second, "t2", "r2"));
    assert.equal(await threads.stop({ threadId: "t2", runId: "r1" }), true);
    watching.unsubscribe();
    (await waiting).subscribe().unsubscribe();
    assert.equal(second.runs, 1);
  });
});
