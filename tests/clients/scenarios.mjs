// What an official client must be able to do with the function: conversations, step by step.
//
// A scenario talks through a `conversation` (see conversation.mjs) and says in plain words what is wrong. It names the
// tools of the template's agent and the sentences that its scripted model understands. Those of dojo.mjs are for the
// demo agent, those of the other files say which function they are for.

import { answers } from "./answers.mjs";
import { endedIn, historyIs } from "./checks.mjs";
import { compat } from "./compat.mjs";
import { cuts } from "./cuts.mjs";
import { dojo, picture } from "./dojo.mjs";
import { endings } from "./endings.mjs";
import { toolEvents } from "./tool-events.mjs";
import { callsOf, isJsonObject } from "./wire.mjs";

const changeBackground = {
  name: "change_background",
  description: "Change the background colour of the page",
  parameters: {
    type: "object",
    properties: { background: { type: "string", description: "a CSS colour" } },
    required: ["background"],
  },
};

export const scenarios = {
  long,
  ...dojo,
  ...toolEvents,
  ...compat,
  ...answers,
  ...cuts,
  ...endings,

  /** One backend tool, answered, then text. */
  async tool(conversation) {
    const run = await conversation.say("What is the weather in Tokyo?");
    weatherWasTold(conversation, run, ["Tokyo"]);
  },

  /** Two backend tools in one turn: one assistant message with both calls, both answered. */
  async parallel(conversation) {
    const run = await conversation.say("weather in Tokyo and Paris");
    weatherWasTold(conversation, run, ["Tokyo", "Paris"]);
  },

  /** A tool of the front end: the run ends with the call pending, the next run goes on from its result. */
  async frontend(conversation) {
    const { check } = conversation;
    const tools = [changeBackground];

    const first = await conversation.say("change the background to teal", { tools });
    const calls = callsOf(first.events);
    check(calls.length === 1, `${calls.length} calls, expected one of change_background`);
    const [call] = calls;
    if (call === undefined) return;
    check(call.name === changeBackground.name, `the call is of ${call.name}`);
    check(call.results.length === 0, "the front end's call was answered by the server");
    check(isJsonObject(call.args) && JSON.parse(call.args).background === "teal", `arguments are ${call.args}`);
    endedIn(conversation, first, [call.id]);
    historyIs(conversation, ["user", `assistant[${call.id}]`]);

    conversation.answer(call.id, JSON.stringify({ ok: true }));
    const second = await conversation.continue({ tools });
    check(callsOf(second.events).length === 0, "a call was made again after its result");
    endedIn(conversation, second, []);
    historyIs(conversation, ["user", `assistant[${call.id}]`, `tool(${call.id})`, "assistant"]);
    const sent = second.input.messages.map(({ role }) => role).join(" ");
    check(sent === "user assistant tool", `second request's messages are: ${sent}`);
  },

  /** A tool that waits for a person: the run ends in an interrupt, the next one begins with the call's result. */
  async approval(conversation) {
    const { check } = conversation;
    const first = await conversation.say("refund order 1234 for 20");
    const calls = callsOf(first.events);
    check(calls.length === 1, `${calls.length} calls, expected one of refund_order`);
    const [call] = calls;
    if (call === undefined) return;
    check(call.name === "refund_order", `the call is of ${call.name}`);
    check(call.results.length === 0, "the call was answered before anybody approved it");
    check(first.outcome === "interrupt", `the client saw outcome ${first.outcome}`);
    const [interrupt, ...more] = first.interrupts ?? [];
    check(interrupt !== undefined && more.length === 0, `interrupts are ${JSON.stringify(first.interrupts)}`);
    if (interrupt === undefined) return;
    check(interrupt.toolCallId === call.id, `the interrupt is about ${interrupt.toolCallId}`);
    check(!("expiresAt" in interrupt), `the interrupt expires at ${interrupt.expiresAt}, and nobody asked for that`);
    historyIs(conversation, ["user", `assistant[${call.id}]`]);

    const resume = [{ interruptId: interrupt.id, status: "resolved", payload: { approved: true } }];
    const second = await conversation.continue({ resume });
    const [, result] = second.events;
    check(result?.type === "TOOL_CALL_RESULT" && result.toolCallId === call.id, `second event is ${result?.type}`);
    check(callsOf(second.events).length === 0, "the call was sent again");
    const refunded = JSON.stringify({ order_id: "1234", amount: 20, status: "refunded" });
    const returned = isJsonObject(result?.content) ? JSON.parse(result.content) : {};
    const { order_id, amount, status } = returned;
    check(JSON.stringify({ order_id, amount, status }) === refunded, `the result is ${result?.content}`);
    endedIn(conversation, second, []);
    historyIs(conversation, ["user", `assistant[${call.id}]`, `tool(${call.id})`, "assistant"]);
  },
};

/** Twenty questions about the weather, every fourth with a picture: what a thread is when it has grown. */
async function long(conversation) {
  for (let turn = 1; turn <= 20; turn += 1) {
    const text = `${turn}: weather in Tokyo and Paris`;
    const run = await conversation.say(turn % 4 === 1 ? [{ type: "text", text }, picture] : text);
    conversation.check(callsOf(run.events).length === 2, `turn ${turn} has ${callsOf(run.events).length} calls`);
    endedIn(conversation, run, []);
  }
}

function weatherWasTold(conversation, run, cities) {
  const { check } = conversation;
  const calls = callsOf(run.events);
  check(calls.length === cities.length, `${calls.length} calls, expected ${cities.length} of get_weather`);
  check(calls.every(({ name }) => name === "get_weather"), `calls are of ${calls.map(({ name }) => name)}`);
  const asked = calls.map(({ args }) => (isJsonObject(args) ? JSON.parse(args).location : undefined));
  check(JSON.stringify(asked) === JSON.stringify(cities), `cities asked for: ${JSON.stringify(asked)}`);
  check(new Set(calls.map(({ parent }) => parent)).size === 1, "calls of one turn have several parent messages");
  for (const call of calls) {
    check(call.results.length === 1, `call ${call.id} has ${call.results.length} results`);
    const result = isJsonObject(call.results[0]) ? JSON.parse(call.results[0]) : {};
    const missing = ["city", "conditions", "temperature", "humidity", "wind_speed"].filter((key) => !(key in result));
    check(missing.length === 0, `result of call ${call.id} lacks ${missing}`);
  }
  endedIn(conversation, run, []);
  const ids = calls.map(({ id }) => id);
  // Results come in any order on the wire, so the client's tool messages do, too.
  const answers = conversation.messages().filter(({ role }) => role === "tool").map(({ toolCallId }) => toolCallId);
  check(JSON.stringify([...answers].sort()) === JSON.stringify([...ids].sort()), `tool messages answer: ${answers}`);
  historyIs(conversation, ["user", `assistant[${ids}]`, ...answers.map((id) => `tool(${id})`), "assistant"]);
}
