// Connections that break while a call waits for a person, or while the answer to it is carried out. For the function for
// tests, with a key and the agent's default settings.

import { answer, frontEnds, goesOn, holdsResult, yes } from "./gated.mjs";
import { callsOf } from "./wire.mjs";

/** What a model reads of a call that has no known result. Neither sentence says that nothing has happened. */
const declined = JSON.stringify({
  error:
    "No result of this call is known. It was not run for this message. If it was approved or needed no approval, it may " +
    "have run before.",
  interrupt: "unknown",
});
const unverified = "The result of this call could not be verified.";
const noResult = JSON.stringify({ error: "No result was given." });
const bought = { bought: 2 };

export const cuts = {
  /** The run that makes the call, cut behind each of its events. */
  async cutCalls(conversation) {
    const whole = await conversation.say("deliberate");
    const { length } = whole.events;
    conversation.check(length >= 40, `the run has ${length} events only`);
    for (const how of ["ends", "breaks"]) {
      for (let after = 0; after <= length; after += 1) {
        const thread = conversation.begin(`cut-${how}-${after}`);
        thread.cutNext(after, how);
        const { events } = await thread.say("deliberate", {}, { isLost: true });
        thread.check(events.length === after, `the client was sent ${events.length} events`);
        const isWhole = after === length;
        thread.check(thread.pending().length === (isWhole ? 1 : 0), `${thread.pending().length} interrupts are open`);
        thread.forgetInterrupts();
        const calls = callsOf(events);
        const read = calls.map(({ name, results }) => (name === "buy" ? declined : (results[0] ?? noResult)));
        const { modelText } = await goesOn(thread, "recall");
        const meant = read.join(" | ") || "nothing";
        thread.check(modelText === meant, `the model reads ${modelText}, not ${meant}`);
        if (calls.length > 0) holdsResult(thread, calls[0].id, { interrupt: "unknown" });
        await goesOn(thread, "Hello");
      }
    }
  },

  /** The run that carries the answer out, cut behind each of its events; approvals count once. */
  async cutAnswers(conversation) {
    for (const name of ["same", "plain"]) {
      const { length } = (await begun(conversation, `whole-${name}`, name)).next.events;
      for (const how of ["ends", "breaks"]) {
        for (let after = 0; after < length; after += 1) {
          await resumesAgain(conversation, name, how, after);
          await writesOn(conversation, name, how, after);
        }
      }
    }
  },
};

/** An answer, cut where `cut` says so. */
async function begun(conversation, threadId, name, ...cut) {
  const thread = conversation.begin(threadId);
  const run = await thread.say("buy");
  const [call] = callsOf(run.events);
  if (cut.length > 0) thread.cutNext(...cut);
  const next = await answer(thread, frontEnds[name], run, yes, { isLost: cut.length > 0 });
  return { thread, run, call, next };
}

async function resumesAgain(conversation, name, how, after) {
  const { thread, run, call } = await begun(conversation, `again-${name}-${how}-${after}`, name, after, how);
  thread.check(thread.pending().length === 1, "the client has forgotten the interrupt");
  await answer(thread, frontEnds[name], run, yes);
  holdsResult(thread, call.id, bought);
  const { modelText } = await goesOn(thread, "recall");
  thread.check(modelText === JSON.stringify(bought), `the model reads ${modelText}`);
}

async function writesOn(conversation, name, how, after) {
  const { thread, call, next } = await begun(conversation, `on-${name}-${how}-${after}`, name, after, how);
  thread.forgetInterrupts();
  const kinds = next.events.map(({ type }) => type);
  const isEchoed = name !== "plain" && !kinds.includes("MESSAGES_SNAPSHOT");
  const unknown = isEchoed ? unverified : declined;
  const known = kinds.includes("TOOL_CALL_RESULT") ? JSON.stringify(bought) : unknown;
  const { modelText } = await goesOn(thread, "recall");
  thread.check(modelText === known, `the model reads ${modelText}, not ${known}`);
  const tools = thread.messages().filter(({ toolCallId }) => toolCallId === call.id);
  thread.check(tools.length === 1, `the list has ${tools.length} results`);
  await goesOn(thread, "Hello");
}
