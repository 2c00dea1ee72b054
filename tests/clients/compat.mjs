// Runs whose shapes differ between 1.0 and the versions before it: a result in parts, a run that each limit stops, a call
// that waits for the front end. For the function for tests, with AGUI_MAX_TURNS=2, AGUI_MAX_TOOL_CALLS=2,
// AGUI_MAX_TOKENS=1000000 and a small AGUI_RUN_TIMEOUT_S; those of whole answers with AGUI_RESPONSE_MODE=buffered.

import { callsOf } from "./wire.mjs";

const paint = { name: "paint", description: "Paints.", parameters: { type: "object", properties: {} } };

/** What stops a run, and what has it run so long. STOPPED is for those who hold the run in a program. */
const limits = [
  ["MAX_TURNS", "call look then call look"],
  ["MAX_TOOL_CALLS", "call survey survey survey"],
  ["MAX_ARGUMENT_BYTES", "babble 1100000"],
  ["TOKEN_BUDGET", "use 1000000"],
  ["RUN_TIMEOUT", "wait"],
  ["DEADLINE", "wait"],
];

export const compat = {
  /** AGUI_CLIENT_COMPAT=auto: each client declares its own version, or none, and gets its own shapes. */
  shapes: (conversation) => shapes(conversation, conversation.spokenVersion !== "1.0"),

  wholeShapes: (conversation) => wholeShapes(conversation, conversation.spokenVersion !== "1.0"),

  /**
   * AGUI_CLIENT_COMPAT=legacy: the input says 1.0, as a server in front of the browser writes it, and the client that
   * reads the events may be older.
   */
  legacy: (conversation) => shapes(saysItIs1_0(conversation), true),

  wholeLegacy: (conversation) => wholeShapes(saysItIs1_0(conversation), true),
};

function saysItIs1_0(conversation) {
  conversation.use((input, next) => next.run({ ...input, protocolVersion: "1.0" }));
  conversation.expectShapesBefore1_0();
  return conversation;
}

async function shapes(conversation, isBefore1_0) {
  const { check, messages } = conversation;
  await conversation.say("call chart");
  const content = messages().find(({ role }) => role === "tool")?.content;
  const text = isBefore1_0 ? content : content?.[0]?.text;
  check(text === "Sales rose.", `the client holds the result ${JSON.stringify(content)}`);

  for (const [reason, words] of limits) {
    // The messages of some of these would make each request that follows a large one.
    conversation.forgetMessages();
    // A run ends two seconds before its deadline.
    conversation.setHeader("x-deadline", reason === "DEADLINE" ? "2.5" : undefined);
    await isStopped(conversation, words, reason, isBefore1_0);
  }
  conversation.setHeader("x-deadline", undefined);

  const waiting = await conversation.say("call paint", { tools: [paint] });
  check(waiting.outcome === "success", `a call of the front end's ended the run in ${waiting.outcome}`);
  const [painted] = callsOf(waiting.events);
  conversation.answer(painted.id, "painted");
  const next = await conversation.continue({ tools: [paint] });
  check(next.outcome === "success" && messages().at(-1)?.role === "assistant", "the thread does not go on");
}

/** An answer that is sent when it is complete has a limit of its own. */
async function wholeShapes(conversation, isBefore1_0) {
  await isStopped(conversation, "flood 100 70000", "MAX_RESPONSE_BYTES", isBefore1_0);
  conversation.forgetMessages();
  const { outcome } = await conversation.say("Hello");
  conversation.check(outcome === "success", `the next run ended in ${outcome}`);
}

async function isStopped(conversation, words, reason, isBefore1_0) {
  const run = await conversation.say(words, {}, { isToFail: isBefore1_0 });
  const { type, code, outcome, metadata } = run.events.at(-1);
  const seen = isBefore1_0 ? [type, run.error?.code, code] : [run.outcome, outcome?.type, metadata?.ag_ui_lambda?.reason];
  const expected = isBefore1_0 ? ["RUN_ERROR", reason, reason] : ["cancelled", "cancelled", reason];
  const isAsMeant = seen.join(" ") === expected.join(" ");
  conversation.check(isAsMeant, `"${words}" ended in ${seen.join(" ")}, not ${expected.join(" ")}`);
}
