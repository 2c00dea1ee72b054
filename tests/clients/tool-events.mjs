// What an official client makes of state, progress and rich results: conversations with the function for tests, whose
// model does what the user's words tell it.

import { isDeepStrictEqual } from "node:util";

import { A2UIMiddleware } from "@ag-ui/a2ui-middleware";

import { grows } from "./dojo.mjs";
import { callsOf } from "./wire.mjs";

export const toolEvents = { state, progress, parts, surface, prediction, restated };

/** Random edits of the state by a tool: in the end both sides are equal, run after run. */
async function state(conversation) {
  const { check } = conversation;
  conversation.share({ a: { list: [1, 2, 3] }, text: "what the client had ".repeat(20) });
  for (const seed of [1, 2, 3, 4, 5]) {
    const sent = conversation.state();
    const run = await conversation.say(`edit ${seed}`);
    check(isDeepStrictEqual(run.input.state, sent), `run ${seed} was not sent the client's state`);
    const [call] = callsOf(run.events);
    const held = JSON.stringify(conversation.state());
    check(isDeepStrictEqual(conversation.state(), JSON.parse(call.results[0])), `after run ${seed} the client holds ${held}`);
    const stateEvents = kindsOf(run.events).filter((kind) => kind.startsWith("STATE_"));
    check(stateEvents[0] === "STATE_SNAPSHOT", `run ${seed} sends the state with a ${stateEvents[0]} first`);
    check(stateEvents.includes("STATE_DELTA"), `run ${seed} has no delta`);
  }
}

/** Steps, an activity that changes in its place, events of the application's own; nothing of it goes to the model. */
async function progress(conversation) {
  const { check, messages } = conversation;
  const run = await conversation.say("call survey");
  const seen = kindsOf(run.events).filter((kind) => /^(STEP|ACTIVITY|CUSTOM)/.test(kind)).join(" ");
  const round = "STEP_STARTED ACTIVITY_DELTA CUSTOM STEP_FINISHED";
  check(seen === `ACTIVITY_SNAPSHOT ${round} ${round} ACTIVITY_DELTA`, `events are ${seen}`);
  const activities = messages().filter(({ role }) => role === "activity");
  check(activities.length === 1, `${activities.length} activity messages`);
  const content = { found: ["north", "east"], where: ["north", "east", "south", "west"], is_done: true };
  check(isDeepStrictEqual(activities[0]?.content, content), `the activity is ${JSON.stringify(activities[0])}`);
  const order = messages().map(({ role }) => role).join(" ");
  check(/^user assistant (tool activity|activity tool) assistant$/.test(order), `history is ${order}`);
  const next = await conversation.say("Hello");
  check(next.outcome === "success", "the next run does not go on from there");
}

/** A result in parts, and an A2UI payload, which its middleware finds in a string. */
async function parts(conversation) {
  const { check, messages, spokenVersion } = conversation;
  await conversation.say("call chart surface");
  const [chart, surface] = ["call_1", "call_2"].map(
    (call) => messages().find(({ toolCallId }) => toolCallId === call)?.content,
  );
  const expected = [
    { type: "text", text: "Sales rose." },
    { type: "image", source: { type: "data", value: btoa("not really a picture"), mimeType: "image/png" } },
    {
      type: "document",
      source: { type: "url", value: "https://acme.example/report.pdf" },
      metadata: { title: "Report" },
    },
  ];
  const whole = spokenVersion === "1.0" ? expected : "Sales rose.";
  check(isDeepStrictEqual(chart, whole), `the client holds ${JSON.stringify(chart)}`);
  check(typeof surface === "string" && JSON.parse(surface).a2ui_operations.length === 2, `A2UI came as ${surface}`);
  const next = await conversation.say("Hello");
  const returned = next.input.messages.find(({ toolCallId }) => toolCallId === "call_1");
  check(isDeepStrictEqual(returned?.content, whole), `it comes back as ${JSON.stringify(returned)}`);
}

/** An A2UI payload of a tool: its middleware makes a surface of it, and the model keeps the result. */
async function surface(conversation) {
  const { check, messages } = conversation;
  conversation.use(new A2UIMiddleware());
  await conversation.say("call surface");
  const painted = messages().filter(({ role, activityType }) => role === "activity" && activityType === "a2ui-surface");
  check(painted.length === 1, `${painted.length} surfaces`);
  const kinds = painted[0]?.content.a2ui_operations?.flatMap(Object.keys).filter((key) => key !== "version").join(" ");
  check(kinds === "createSurface updateComponents", `the surface is made by ${kinds}`);
  const next = await conversation.say("Hello");
  check(next.input.messages.some(({ role, toolCallId }) => role === "tool" && toolCallId === "call_1"), "the result is gone");
}

/** An argument that is state while it streams, and stays; front ends that predict by themselves receive it as well. */
async function prediction(conversation) {
  const { check } = conversation;
  conversation.share({ document: "old" });
  const run = await conversation.say("write Once upon a time");
  const kinds = kindsOf(run.events);
  const announced = run.events[kinds.indexOf("CUSTOM")];
  check(announced?.name === "PredictState", `the custom event is ${announced?.name}`);
  const wanted = [{ state_key: "document", tool: "write", tool_argument: "document" }];
  check(isDeepStrictEqual(announced?.value, wanted), `predicted is ${JSON.stringify(announced?.value)}`);
  check(kinds.indexOf("CUSTOM") < kinds.indexOf("TOOL_CALL_START"), "the prediction comes late");
  const streamed = run.states.filter(({ document }, at, states) => document !== states[at - 1]?.document);
  grows(conversation, streamed, "write Once upon a time");
  check(kinds.lastIndexOf("STATE_SNAPSHOT") > kinds.indexOf("TOOL_CALL_END"), "the state is sent early, or never");
  check(isDeepStrictEqual(conversation.state(), { document: "write Once upon a time" }), "the state is not what was written");
}

/**
 * A function that insists on what it has signed, and ends each run with the whole conversation: results come back as they
 * were sent, and the client holds the same before the snapshot and after it.
 */
async function restated(conversation) {
  const { check, messages } = conversation;
  for (const text of ["call chart surface", "reason survey", "Hello"]) {
    const run = await conversation.say(text);
    const kinds = kindsOf(run.events);
    check(kinds.at(-2) === "MESSAGES_SNAPSHOT", `the last event but one of "${text}" is ${kinds.at(-2)}`);
    const held = messages();
    check(isDeepStrictEqual(run.built, held), `"${text}" built ${JSON.stringify(run.built)} and holds ${JSON.stringify(held)}`);
    for (const event of run.events.filter(({ type }) => type === "TOOL_CALL_RESULT")) {
      const kept = held.find(({ id }) => id === event.messageId)?.metadata;
      check(typeof kept?.ag_ui_lambda?.signature === "string", `of ${event.toolCallId} the client keeps ${JSON.stringify(kept)}`);
      check(isDeepStrictEqual(kept, event.metadata), `the client keeps other metadata of ${event.toolCallId} than was sent`);
    }
  }
  const sent = (await conversation.say("Bye")).input.messages;
  const returned = sent.filter(({ role }) => role === "tool");
  check(returned.length === 4, `${returned.length} results come back`);
  for (const { metadata, toolCallId } of returned) {
    check(typeof metadata?.ag_ui_lambda?.signature === "string", `${toolCallId} comes back with ${JSON.stringify(metadata)}`);
  }
  check(messages().filter(({ role }) => role === "activity").length === 2, "the client has lost its activities");
}

const kindsOf = (events) => events.map(({ type }) => type);
