// Runs that carry an answer out and do not end well: the call has its result once, and the thread goes on. For the function
// for tests, with a key and the agent's default settings; the limits are set where the scenario says so.

import { answer, frontEnds, goesOn, holdsResult, yes } from "./gated.mjs";
import { callsOf } from "./wire.mjs";

const bought = { bought: 2 };
const unfinished = { error: "The run ended before this tool finished." };
const unverified = "The result of this call could not be verified.";

/** What the model does behind the result, how the run ends, and the deadline in seconds, two of which a run leaves. */
const limits = [
  ["call look", "MAX_TURNS"],
  ["call look look look", "MAX_TOOL_CALLS"],
  ["babble 1100000", "MAX_ARGUMENT_BYTES"],
  ["use 1000000", "TOKEN_BUDGET"],
  ["wait", "DEADLINE", 3],
  // This one is over before it has begun: the tool does not run, and the person has to be asked again.
  ["wait", "DEADLINE", 1],
];

export const endings = {
  /** AGUI_MAX_TURNS=3, AGUI_MAX_TOOL_CALLS=2, AGUI_MAX_TOKENS=1000000, AGUI_MAX_BODY_BYTES=2000000. */
  async endings(conversation) {
    await failed(conversation, "fail", "MODEL_REFUSED");
    for (const limit of limits) await stopped(conversation, ...limit);
    for (const what of ["token", "size"]) {
      for (const isResumed of [true, false]) await refused(conversation, what, isResumed);
    }
  },
  /** AGUI_RUN_TIMEOUT_S is small. */
  endingInTime: (conversation) => stopped(conversation, "wait", "RUN_TIMEOUT"),
  /** AGUI_RESPONSE_MODE=buffered. */
  endingInBytes: (conversation) => stopped(conversation, "flood 100 70000", "MAX_RESPONSE_BYTES"),
};

async function approved(conversation, what, expected, deadline) {
  const thread = conversation.begin(["ending", ...what.split(" "), ...(deadline === undefined ? [] : [deadline])].join("-"));
  const run = await thread.say(`buy then ${what}`);
  const [call] = callsOf(run.events);
  thread.setHeader("x-deadline", deadline?.toString());
  const next = await answer(thread, frontEnds.same, run, yes, expected);
  thread.setHeader("x-deadline", undefined);
  return { thread, run, call, next };
}

async function failed(conversation, what, code) {
  const { thread, call, next } = await approved(conversation, what, { isToFail: true });
  thread.check(next.error?.code === code && next.outcome === "success", `it ended in ${next.outcome} ${next.error?.code}`);
  await isOver(thread, call);
}

async function stopped(conversation, what, reason, deadline) {
  const isBefore1_0 = conversation.spokenVersion !== "1.0";
  const { thread, call, next } = await approved(conversation, what, { isToFail: isBefore1_0 }, deadline);
  const seen = isBefore1_0 ? next.error?.code : next.events.at(-1).metadata?.ag_ui_lambda?.reason;
  thread.check(seen === reason, `it ended in ${next.outcome} ${seen}`);
  await isOver(thread, call, deadline === 1 ? unfinished : bought);
}

async function isOver(thread, call, result = bought) {
  thread.check(thread.pending().length === 0, "an interrupt is open still");
  holdsResult(thread, call.id, result);
  const { modelText } = await goesOn(thread, "recall");
  thread.check(modelText?.startsWith(JSON.stringify(result)), `the model reads ${modelText}`);
}

/** An HTTP refusal in place of the run: nothing has run, and the person answers again or writes on. */
async function refused(conversation, what, isResumed) {
  const thread = conversation.begin(`refused-${what}-${isResumed ? "resumed" : "left"}`);
  const run = await thread.say("buy");
  const [call] = callsOf(run.events);
  const token = thread.header("x-agui-token");
  if (what === "token") thread.setHeader("x-agui-token", "wrong");
  else thread.share({ much: "a".repeat(2_100_000) });
  const next = await answer(thread, frontEnds.same, run, yes, { isLost: true });
  thread.check(next.status === (what === "token" ? 401 : 413), `the answer came to ${next.status}`);
  thread.setHeader("x-agui-token", token);
  thread.share({});
  thread.check(thread.pending().length === 1, "the client has forgotten the interrupt");
  if (isResumed) {
    await answer(thread, frontEnds.same, run, yes);
    return isOver(thread, call);
  }
  thread.forgetInterrupts();
  const { modelText } = await goesOn(thread, "recall");
  thread.check(modelText === unverified, `the model reads ${modelText}`);
  return goesOn(thread, "Hello");
}
