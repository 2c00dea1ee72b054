// Runs whose shapes differ between 1.0 and the versions before it: a result in parts, two limits, a call that waits for
// the front end. The function for tests has to be started with AGUI_MAX_TURNS=1 and AGUI_MAX_TOOL_CALLS=2.

import { callsOf } from "./wire.mjs";

const paint = { name: "paint", description: "Paints.", parameters: { type: "object", properties: {} } };

export const compat = {
  /** AGUI_CLIENT_COMPAT=auto: each client declares its own version, or none, and gets its own shapes. */
  shapes: (conversation) => shapes(conversation, conversation.spokenVersion !== "1.0"),

  /**
   * AGUI_CLIENT_COMPAT=legacy: the input says 1.0, as a server in front of the browser writes it, and the client that
   * reads the events may be older.
   */
  async legacy(conversation) {
    conversation.use((input, next) => next.run({ ...input, protocolVersion: "1.0" }));
    conversation.expectShapesBefore1_0();
    const { input } = await shapes(conversation, true);
    conversation.check(input.protocolVersion === "1.0", `the input says ${input.protocolVersion}`);
  },
};

async function shapes(conversation, isBefore1_0) {
  const { check, messages } = conversation;
  const stopped = async (text, reason) => {
    const run = await conversation.say(text, {}, { isToFail: isBefore1_0 });
    const seen = isBefore1_0 ? run.error?.code : run.outcome;
    check(seen === (isBefore1_0 ? reason : "cancelled"), `"${text}" ended in ${seen}`);
    return run;
  };

  const run = await stopped("call chart", "MAX_TURNS");
  const [chart] = callsOf(run.events);
  const content = messages().find(({ toolCallId }) => toolCallId === chart.id)?.content;
  const text = isBefore1_0 ? content : content?.[0]?.text;
  check(text === "Sales rose.", `the client holds the result ${JSON.stringify(content)}`);

  await stopped("call survey survey survey", "MAX_TOOL_CALLS");

  const waiting = await conversation.say("call paint", { tools: [paint] });
  check(waiting.outcome === "success", `a call of the front end's ended the run in ${waiting.outcome}`);
  const [painted] = callsOf(waiting.events);
  conversation.answer(painted.id, "painted");
  const next = await conversation.continue({ tools: [paint] });
  check(next.outcome === "success" && messages().at(-1)?.role === "assistant", "the thread does not go on");
  return next;
}
