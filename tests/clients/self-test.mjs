#!/usr/bin/env node
// Proves that drive.mjs passes a good agent and refuses each broken one, with both clients.
//
// A small agent in this process answers the scenarios rightly; each row spoils its answer in one way and names
// what the complaint has to mention. Exit 0 when every row behaves, else 1.

import { createServer } from "node:http";

import { clients, play } from "./conversation.mjs";
import { dojo } from "./dojo.mjs";

const frame = (event) => `data: ${JSON.stringify(event)}\n\n`;
const call = (id, name, args, parent) => [
  { type: "TOOL_CALL_START", toolCallId: id, toolCallName: name, parentMessageId: parent },
  ...JSON.stringify(args).match(/.{1,10}/gs).map((delta) => ({ type: "TOOL_CALL_ARGS", toolCallId: id, delta })),
  { type: "TOOL_CALL_END", toolCallId: id },
];
const result = (id, city) => ({
  type: "TOOL_CALL_RESULT",
  messageId: `r-${id}`,
  toolCallId: id,
  content: JSON.stringify({ city, conditions: "clear", temperature: 22, humidity: 60, wind_speed: 10 }),
  role: "tool",
});
const resultOf = (id, content) => ({ ...result(id), content });

/** A call that changes the state, first as a whole and then by a patch. */
function edit(message, state) {
  const snapshot = { ...state, message };
  const id = `c-${message}`;
  return [
    ...call(id, "edit", { message }, `m-${message}`),
    { type: "STATE_SNAPSHOT", snapshot },
    { type: "STATE_DELTA", delta: [{ op: "add", path: "/is_done", value: true }] },
    resultOf(id, JSON.stringify({ ...snapshot, is_done: true })),
  ];
}

const activity = { messageId: "a1", activityType: "com.acme.search" };
const found = (place) => [
  { type: "STEP_STARTED", stepName: place },
  { type: "ACTIVITY_DELTA", ...activity, patch: [{ op: "add", path: "/found/-", value: place }] },
  { type: "CUSTOM", name: "com.acme.found", value: place },
  { type: "STEP_FINISHED", stepName: place },
];
const places = { found: [], where: ["north", "east", "south", "west"], is_done: false };
const survey = [
  ...call("s1", "survey", {}, "m1"),
  { type: "ACTIVITY_SNAPSHOT", ...activity, content: places },
  ...found("north"),
  ...found("east"),
  { type: "ACTIVITY_DELTA", ...activity, patch: [{ op: "replace", path: "/is_done", value: true }] },
  resultOf("s1", "Found two."),
];

const refund = { order_id: "1234", amount: 20 };
const refunded = { ...result("f1"), content: JSON.stringify({ ...refund, status: "refunded" }) };
const asked = { id: "i1", reason: "tool_call", toolCallId: "f1", message: "May it?" };

/** The arguments of the calls that are left to the front end. */
const frontend = {
  change_background: { background: "teal" },
  generate_task_steps: { steps: ["a", "b", "c"].map((description) => ({ description, status: "enabled" })) },
  generate_haiku: {
    japanese: ["a", "b", "c"],
    english: ["a", "b", "c"],
    image_name: "frog.jpeg",
    gradient: "linear-gradient(red, blue)",
  },
  write_document: { document: "Once there was a cat. Nobody knew where it came from, and nobody asked. It sleeps right now." },
};

/** A call whose argument is the document in the client's state while it streams. */
function write(id, args, parent, state) {
  const begin = '{"document":"';
  let text = "";
  return call(id, "write_document", args, parent).flatMap((event) => {
    if (event.type !== "TOOL_CALL_ARGS") return [event];
    const isFirst = !text.startsWith(begin);
    text += event.delta;
    const document = text.slice(begin.length).replace(/"?}?$/, "");
    if (!text.startsWith(begin)) return [event];
    const delta = [{ op: "replace", path: "/document", value: document }];
    return [event, isFirst ? { type: "STATE_SNAPSHOT", snapshot: { ...state, document } } : { type: "STATE_DELTA", delta }];
  });
}

const planned = ["a", "b", "c"].map((description) => ({ description, status: "pending" }));
const progress = { messageId: "a1", activityType: "com.acme.plan" };
const plan = [
  ...call("p1", "work_through", { steps: planned }, "m1"),
  { type: "STATE_SNAPSHOT", snapshot: { steps: planned } },
  { type: "ACTIVITY_SNAPSHOT", ...progress, content: { done: 0, steps: ["a", "b", "c"] } },
  ...planned.flatMap(({ description }, step) => [
    { type: "STEP_STARTED", stepName: description },
    { type: "STATE_DELTA", delta: [{ op: "replace", path: `/steps/${step}/status`, value: "completed" }] },
    { type: "ACTIVITY_DELTA", ...progress, patch: [{ op: "replace", path: "/done", value: step + 1 }] },
    { type: "STEP_FINISHED", stepName: description },
  ]),
  { type: "CUSTOM", name: "com.acme.plan_done", value: 3 },
  resultOf("p1", "Done."),
];

/** A call that salts the recipe, once. */
function improve({ recipe }) {
  const id = `c-${recipe.ingredients.length}-${recipe.instructions.length}`;
  const begun = call(id, "improve_recipe", {}, `m-${id}`);
  const isSalted = recipe.instructions.includes("Salt it.");
  if (isSalted) return [...call("again", "improve_recipe", {}, "m-again"), resultOf("again", "Enough.")];
  const salt = { icon: "🧂", name: "Salt", amount: "1 pinch" };
  return [
    ...begun,
    { type: "STATE_SNAPSHOT", snapshot: { recipe: { ...recipe, ingredients: [...recipe.ingredients, salt] } } },
    { type: "STATE_DELTA", delta: [{ op: "add", path: "/recipe/instructions/-", value: "Salt it." }] },
    resultOf(id, "Salted."),
  ];
}

const think = [
  { type: "REASONING_START", messageId: "h1" },
  { type: "REASONING_MESSAGE_START", messageId: "h1", role: "reasoning" },
  { type: "REASONING_MESSAGE_CONTENT", messageId: "h1", delta: "Hm." },
  { type: "REASONING_MESSAGE_END", messageId: "h1" },
  { type: "REASONING_END", messageId: "h1" },
];

/** The result of a meeting, as the user answers. */
function met(topic, id, { chosen_time, chosen_label }) {
  const error = { error: "The user wants no meeting." };
  return resultOf(id, JSON.stringify(chosen_time ? { topic, time: chosen_time, label: chosen_label } : error));
}

const message = (messageId, ...deltas) => [
  { type: "TEXT_MESSAGE_START", messageId, role: "assistant" },
  ...deltas.map((delta) => ({ type: "TEXT_MESSAGE_CONTENT", messageId, delta })),
  { type: "TEXT_MESSAGE_END", messageId },
];

/** The right answer to a request. */
function answer({ threadId, runId, protocolVersion, messages, tools, state, resume }) {
  const start = { type: "RUN_STARTED", threadId, runId, protocolVersion: "1.0", timestamp: 1760000000000 };
  const finish = { type: "RUN_FINISHED", threadId, runId, outcome: { type: "success" } };
  const last = messages.at(-1);
  const answer = message(`m-${runId}`, "Here ", "you are.");
  const words = messages.findLast(({ role }) => role === "user").content;
  if (last.role === "tool") return [start, ...answer, finish];
  if (words.startsWith?.("Schedule")) {
    const id = resume?.[0].interruptId ?? `q-${messages.length}`;
    if (resume?.length) return [start, met(words, id, resume[0].payload), ...answer, finish];
    const question = { id, reason: "input_required", toolCallId: id, message: "When?" };
    const responseSchema = { type: "object", properties: { chosen_time: { type: "string" } } };
    const waits = { ...finish, outcome: asks({ ...question, responseSchema }) };
    return [start, ...call(id, "schedule_meeting", { topic: words }, `m-${id}`), waits];
  }
  if (resume?.length) return [start, refunded, ...answer, finish];
  if (String(last.content).includes("refund")) {
    const waits = { ...finish, outcome: { type: "interrupt", interrupts: [asked] } };
    return [start, ...call("f1", "refund_order", refund, "m1"), waits];
  }
  if (tools.length) {
    // A 0.x client, which declares no version, does not bear the list.
    const isOld = protocolVersion === undefined;
    const pending = { ...finish, outcome: { type: "success", pendingToolCallIds: isOld ? undefined : ["b1"] } };
    const [{ name }] = tools;
    const isWritten = name === "write_document";
    const made = isWritten ? write("b1", frontend[name], "m1", state) : call("b1", name, frontend[name], "m1");
    return [start, ...made, pending];
  }
  if (Array.isArray(last.content)) return [start, ...message(`m-${runId}`, "I got a picture."), finish];
  if (last.content === "Make a plan") return [start, ...plan, ...answer, finish];
  if (last.content === "Improve the recipe") return [start, ...improve(state), ...answer, finish];
  if (last.content === "Think about it") return [start, ...think, ...answer, finish];
  if (last.content === "Please fail") {
    const error = { type: "RUN_ERROR", code: "MODEL_UNAVAILABLE", message: "Sorry." };
    return [start, ...message(`m-${runId}`, "Let me try."), error];
  }
  if (last.content.startsWith("edit ")) return [start, ...edit(last.content, state), ...answer, finish];
  if (last.content === "call survey") return [start, ...survey, ...answer, finish];
  const cities = ["Tokyo", "Paris"].filter((city) => last.content.includes(city));
  const calls = cities.flatMap((city) => call(`w-${city}`, "get_weather", { location: city }, "m1"));
  const results = cities.map((city) => result(`w-${city}`, city)).reverse();
  return [start, ...calls, ...results, ...answer, finish];
}

/** Changes every event of a type; a change of null removes it. */
const each = (type, change) => (events) =>
  events.flatMap((event) => (event.type !== type ? [event] : change === null ? [] : [{ ...event, ...change }]));
/** Puts an event before the last one. */
const insert = (event) => (events) => events.toSpliced(-1, 0, event);
const secondRun = (spoil) => (events, input) => (input.messages.at(-1).role === "tool" ? spoil(events) : events);
const resumed = (spoil) => (events, input) => (input.resume?.length ? spoil(events) : events);
const asks = (...interrupts) => ({ type: "interrupt", interrupts });
const pendingIs = (...ids) => ({ type: "success", pendingToolCallIds: ids });
/** Keeps the first event of a type only, and changes it. */
const once = (type, change) => (events) => {
  const first = events.find((event) => event.type === type);
  return events.flatMap((event) => (event.type !== type ? [event] : event === first ? [{ ...event, ...change }] : []));
};
const without = (prefix) => (events) => events.filter(({ type }) => !type.startsWith(prefix));
/** Moves events to the end, before the last one. */
const late = (prefix) => (events) =>
  without(prefix)(events).toSpliced(-1, 0, ...events.filter(({ type }) => type.startsWith(prefix)));
const restarted = call("b1", "change_background", { background: "teal" }, "m1");

const remove = (path) => [{ op: "remove", path }];

// why, scenario, how the events are spoiled, what the complaint mentions, only with this client
const broken = [
  ["no terminal event", "tool", each("RUN_FINISHED", null), "0 terminal events"],
  ["no event at all", "tool", () => [], "first event is undefined"],
  ["first event is not RUN_STARTED", "tool", each("RUN_STARTED", null), "first event is"],
  ["no protocol version", "tool", each("RUN_STARTED", { protocolVersion: undefined }), "protocolVersion is undefined"],
  ["other protocol version", "tool", each("RUN_STARTED", { protocolVersion: "1.1" }), "protocolVersion is 1.1"],
  ["other thread id at the start", "tool", each("RUN_STARTED", { threadId: "x" }), "RUN_STARTED.threadId"],
  ["other run id at the start", "tool", each("RUN_STARTED", { runId: "x" }), "RUN_STARTED.runId"],
  ["other thread id at the end", "tool", each("RUN_FINISHED", { threadId: "x" }), "RUN_FINISHED.threadId"],
  ["other run id at the end", "tool", each("RUN_FINISHED", { runId: "x" }), "RUN_FINISHED.runId"],
  ["RUN_ERROR instead of the end", "tool", each("RUN_FINISHED", { type: "RUN_ERROR", message: "no" }), "RUN_ERROR"],
  ["RUN_ERROR behind the end", "tool", (events) => [...events, { type: "RUN_ERROR", message: "no" }], "2 terminal events"],
  ["cancelled", "tool", each("RUN_FINISHED", { outcome: { type: "cancelled" } }), "outcome cancelled", "1.0"],
  ["unknown event", "tool", insert({ type: "META" }), "printed", "1.0"],
  ["an event that the client leaves out", "tool", insert({ type: "META" }), "the client dropped"],
  ["unknown property", "tool", each("TEXT_MESSAGE_END", { extra: 1 }), "printed", "1.0"],
  ["null on an optional field", "tool", each("TEXT_MESSAGE_END", { metadata: null }), "the client failed"],
  ["null parent message", "tool", each("TOOL_CALL_START", { parentMessageId: null }), "printed", "1.0"],
  ["float timestamp", "tool", each("RUN_STARTED", { timestamp: 1.5 }), "the client failed", "1.0"],
  ["text without START", "tool", each("TEXT_MESSAGE_START", null), "the client failed"],
  ["open call at the end", "tool", each("TOOL_CALL_END", null), "the client failed"],
  ["result for an unknown call", "tool", each("TOOL_CALL_RESULT", { toolCallId: "x" }), "unknown call x"],
  ["no result", "tool", each("TOOL_CALL_RESULT", null), "has 0 results"],
  ["result lacks a field", "tool", each("TOOL_CALL_RESULT", { content: '{"city":"Tokyo"}' }), "lacks conditions"],
  ["result twice", "tool", insert({ ...result("w-Tokyo", "Tokyo"), messageId: "r-again" }), "second result"],
  ["arguments are not JSON", "tool", each("TOOL_CALL_ARGS", { delta: "{" }), "not a JSON object"],
  ["empty final text", "tool", each("TEXT_MESSAGE_CONTENT", { delta: "" }), "final text is empty"],
  ["no final text", "tool", without("TEXT"), "history is"],
  ["another tool", "tool", each("TOOL_CALL_START", { toolCallName: "get_account" }), "calls are of get_account"],
  ["calls without a parent", "parallel", each("TOOL_CALL_START", { parentMessageId: undefined }), "history is"],
  ["only one call", "parallel", (events) => events.filter((e) => e.toolCallId !== "w-Paris"), "1 calls, expected 2"],
  ["only one answered", "parallel", (events) => events.filter((e) => e.messageId !== "r-w-Paris"), "w-Paris has 0"],
  ["pending ids of no call", "frontend", each("RUN_FINISHED", { outcome: pendingIs("x") }), '["x"]'],
  ["no pending ids", "frontend", each("RUN_FINISHED", { outcome: pendingIs() }), "pendingToolCallIds is []", "1.0"],
  // What 1.0 allows and a 0.x client does not bear.
  ["pending ids", "frontend", each("RUN_FINISHED", { outcome: pendingIs("b1") }), "the client failed", "0.0.59"],
  ["cancelled", "tool", each("RUN_FINISHED", { outcome: { type: "cancelled" } }), "the client failed", "0.0.59"],
  ["content parts", "tool", each("TOOL_CALL_RESULT", { content: [] }), "the client failed", "0.0.59"],
  ["server answers the front end's call", "frontend", insert(result("b1", "x")), "answered by the server"],
  ["other colour", "frontend", each("TOOL_CALL_ARGS", { delta: "{}" }), "arguments"],
  ["the call is made again", "frontend", secondRun((events) => events.toSpliced(1, 0, ...restarted)), "is repeated"],
  ["the result is sent again", "frontend", secondRun(insert(result("b1", "x"))), "second result"],
  ["an approval that nobody waits for", "approval", insert(refunded), "before anybody approved it"],
  ["no interrupt", "approval", each("RUN_FINISHED", { outcome: { type: "success" } }), "the client saw outcome success"],
  ["another call's interrupt", "approval", each("RUN_FINISHED", { outcome: asks({ ...asked, toolCallId: "x" }) }), "about x"],
  ["an end that would lock the thread", "approval", each("RUN_FINISHED", { outcome: asks({ ...asked, expiresAt: "2099-01-01T00:00:00Z" }) }), "the interrupt expires"],
  ["two interrupts", "approval", each("RUN_FINISHED", { outcome: asks(asked, { ...asked, id: "i2" }) }), "interrupts are"],
  ["the call is sent again", "approval", resumed((events) => events.toSpliced(1, 0, ...call("f1", "refund_order", refund, "m1"))), "is repeated"],
  ["text before the result", "approval", resumed(([start, result, ...rest]) => [start, ...rest.slice(0, -1), result, rest.at(-1)]), "second event is"],
  ["nothing was refunded", "approval", resumed(each("TOOL_CALL_RESULT", { content: '{"error":"no"}' })), "the result is"],
  ["second run has no end", "frontend", secondRun(each("RUN_FINISHED", null)), "run 2: 0 terminal events"],
  ["no snapshot", "state", each("STATE_SNAPSHOT", null), "with a STATE_DELTA first"],
  ["no delta", "state", each("STATE_DELTA", null), "has no delta"],
  ["a delta too few", "state", each("STATE_DELTA", { delta: [] }), "the client holds"],
  ["a delta that does not apply", "state", each("STATE_DELTA", { delta: remove("/x") }), "Failed to apply state patch"],
  ["no activity", "progress", each("ACTIVITY_SNAPSHOT", null), "0 activity messages"],
  ["a change of it lost", "progress", each("ACTIVITY_DELTA", { patch: [] }), "the activity is"],
  ["a step never ends", "progress", each("STEP_FINISHED", null), "the client failed"],
  ["no steps", "choice", once("TOOL_CALL_ARGS", { delta: '{"steps":[]}' }), "the steps are []"],
  ["steps at once", "choice", once("TOOL_CALL_ARGS", { delta: JSON.stringify(frontend.generate_task_steps) }), "come in 1 pieces"],
  ["no haiku", "haiku", once("TOOL_CALL_ARGS", { delta: "{}" }), "the haiku is {}"],
  ["no prediction", "story", without("STATE"), "the document is seen as []"],
  ["one prediction", "story", each("STATE_DELTA", null), "the document is seen as"],
  ["another prediction", "story", each("STATE_DELTA", { delta: [{ op: "replace", path: "/document", value: "x" }] }), "is seen as"],
  ["a prediction that forgets the rest", "story", each("STATE_SNAPSHOT", { snapshot: { document: "" } }), "the rest of the state"],
  ["predictions that come late", "story", late("STATE"), "comes late"],
  ["an announcement that nobody asked for", "story", insert({ type: "CUSTOM", name: "PredictState", value: [] }), "nobody asked"],
  ["no question", "meeting", each("RUN_FINISHED", { outcome: { type: "success" } }), "the client saw outcome success"],
  ["an approval in its place", "meeting", each("RUN_FINISHED", { outcome: asks(asked) }), "the interrupt is"],
  ["the answer is lost", "meeting", resumed(each("TOOL_CALL_RESULT", { content: "{}" })), "the result is {}"],
  ["text before the answer's result", "meeting", resumed(late("TOOL_CALL_RESULT")), "second event is"],
  ["no step", "plan", without("STEP"), "events are"],
  ["no step is done", "plan", each("STATE_DELTA", { delta: [] }), "the client holds"],
  ["an activity that stands still", "plan", each("ACTIVITY_DELTA", { patch: [] }), "the activity is"],
  ["a recipe that loses something", "recipe", each("STATE_SNAPSHOT", { snapshot: { recipe: { ingredients: [], instructions: [] } } }), "the client holds"],
  ["a change that is not sent", "recipe", each("STATE_DELTA", null), "state is sent by STATE_SNAPSHOT"],
  ["no reasoning", "reasoning", without("REASONING"), "the client keeps"],
  ["reasoning behind the text", "reasoning", late("REASONING"), "events are"],
  ["a picture that nobody saw", "multimodal", each("TEXT_MESSAGE_CONTENT", { delta: "Hello." }), "the answer is"],
  ["no failure", "error", each("RUN_ERROR", { type: "RUN_FINISHED" }), "the client saw no RUN_ERROR"],
  ["a failure without a code", "error", each("RUN_ERROR", { code: undefined }), "the error is"],
  ["words that are lost", "error", without("TEXT"), "the text so far is"],
];

// The same for what is not an event: the bytes, the status, the end of the connection.
const brokenBytes = [
  ["CRLF lines", (response, body) => response.end(body.replaceAll("\n", "\r\n")), "the client failed"],
  ["cut inside a frame", (response, body) => response.end(body.slice(0, -30)), "the client failed"],
  ["dropped", (response, body) => response.write(body.slice(0, 300), () => response.destroy()), "terminated"],
  ["never ends", (response, body) => response.write(body.slice(0, 300)), "no end after"],
  ["401", (response) => response.writeHead(401).end('{"error":{}}'), "HTTP 401"],
  ["HTML", (response) => response.setHeader("content-type", "text/html").end("<p>"), "content type is text/html"],
];

const good = ["tool", "parallel", "frontend", "state", "progress", "approval", ...Object.keys(dojo)];

let respond;
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  response.setHeader("content-type", "text/event-stream");
  respond(response, JSON.parse(body), request.headers);
});

async function main() {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const failures = [];
  let count = 0;
  const expect = async (why, client, scenario, wanted) => {
    count += 1;
    const report = await play({ client, url, headers: { "x-agui-token": "s" }, scenario, timeoutMs: 700 });
    const isRight = wanted ? report.problems.some((problem) => problem.includes(wanted)) : report.ok;
    if (!isRight) failures.push(`${why} (${client}): ${JSON.stringify(report.problems)}`);
  };

  for (const client of Object.keys(clients)) {
    respond = (response, input, headers) =>
      response.end(headers["x-agui-token"] === "s" ? `: hello\n\n${answer(input).map(frame).join("")}` : "");
    for (const scenario of good) await expect(`good ${scenario}`, client, scenario);

    for (const [why, scenario, spoil, wanted, only = client] of broken) {
      respond = (response, input) => response.end(spoil(answer(input), input).map(frame).join(""));
      if (only === client) await expect(why, client, scenario, wanted);
    }
    for (const [why, send, wanted] of brokenBytes) {
      respond = (response, input) => send(response, answer(input).map(frame).join(""));
      await expect(why, client, "tool", wanted);
    }
  }
  server.close();
  server.closeAllConnections();
  failures.forEach((failure) => console.log(`self-test: ${failure}`));
  console.log(`drive.mjs self-test: ${failures.length ? "FAILED" : "ok"}, ${count} conversations`);
  process.exitCode = failures.length ? 1 : 0;
}

await main();
