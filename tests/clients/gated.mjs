// What front ends do with a call that waits for a person.
//
// CopilotKit's core does not only send `resume`. It also adds a tool message to the client's list that repeats the answer,
// and runs under the interrupted run's own id. Source: `resolveInterrupt` and what it calls, @copilotkit/core 1.74.0.

import { isJsonObject } from "./wire.mjs";

export const yes = { status: "resolved", payload: { approved: true } };
export const no = { status: "resolved", payload: { approved: false } };
export const nobody = { status: "cancelled" };

/** The front ends, and under which id they answer. */
export const frontEnds = {
  /** CopilotKit 1.74 repeats the answer to an approval, and not that to a question. */
  same: { echoes: ["tool_call"], isSameRun: true },
  new: { echoes: ["tool_call"], isSameRun: false },
  /** Before 1.74 it repeated both. */
  old: { echoes: ["tool_call", "input_required"], isSameRun: false },
  oldsame: { echoes: ["tool_call", "input_required"], isSameRun: true },
  /** A front end that does what the protocol says and no more. */
  plain: { echoes: [], isSameRun: false },
};

/** Answers the interrupt that `run` ended with, as a front end does. */
export async function answer(thread, frontEnd, run, given, expected) {
  const [interrupt, ...others] = run.interrupts ?? [];
  thread.check(interrupt !== undefined && others.length === 0, `interrupts are ${JSON.stringify(run.interrupts)}`);
  const { id, reason, toolCallId } = interrupt;
  if (frontEnd.echoes.includes(reason)) {
    const answer = given.status === "cancelled" ? { status: "cancelled" } : (given.payload ?? { status: "resolved" });
    thread.answer(toolCallId, JSON.stringify(answer));
  }
  const resume = [{ interruptId: id, ...given }];
  const { runId } = run.input;
  const next = await thread.continue({ resume, ...(frontEnd.isSameRun && { runId }) }, expected);
  const isMeant = next.input === undefined || (next.input.runId === runId) === frontEnd.isSameRun;
  thread.check(isMeant, "the answer came under another run id than meant");
  return { ...next, interrupts: next.interrupts ?? (next.outcome === undefined ? run.interrupts : undefined) };
}

/** The list of the client has one result of the call, and that holds these members. */
export function holdsResult({ check, messages }, callId, members, list = messages()) {
  const results = list.filter(({ role, toolCallId }) => role === "tool" && toolCallId === callId);
  const texts = results.map(({ content }) => content);
  check(results.length === 1, `${results.length} results of ${callId}: ${texts.join(" and ")}`);
  const held = isJsonObject(texts[0]) ? JSON.parse(texts[0]) : {};
  const isHeld = Object.entries(members).every(([name, value]) => held[name] === value);
  check(isHeld, `the result of ${callId} is ${texts[0]}, not one with ${JSON.stringify(members)}`);
}

/** The user's next message is answered. Returns the text of the model. */
export async function goesOn(thread, text) {
  const { check, messages } = thread;
  const run = await thread.say(text);
  check(run.status === 200 && run.outcome === "success", `"${text}" ended in ${run.status} ${run.outcome}`);
  const last = messages().at(-1);
  check(last?.role === "assistant", `nobody answers "${text}"`);
  return { ...run, modelText: last?.role === "assistant" ? last.content : undefined };
}

