#!/usr/bin/env node
// Proves that drive.mjs passes a good agent and refuses each broken one, with both clients.
//
// A small agent in this process answers the scenarios rightly; each row spoils its answer in one way and names
// what the complaint has to mention. Exit 0 when every row behaves, else 1.

import { createServer } from "node:http";

import { clients, play } from "./conversation.mjs";

const frame = (event) => `data: ${JSON.stringify(event)}\n\n`;
const call = (id, name, args, parent) => [
  { type: "TOOL_CALL_START", toolCallId: id, toolCallName: name, parentMessageId: parent },
  { type: "TOOL_CALL_ARGS", toolCallId: id, delta: JSON.stringify(args).slice(0, 5) },
  { type: "TOOL_CALL_ARGS", toolCallId: id, delta: JSON.stringify(args).slice(5) },
  { type: "TOOL_CALL_END", toolCallId: id },
];
const result = (id, city) => ({
  type: "TOOL_CALL_RESULT",
  messageId: `r-${id}`,
  toolCallId: id,
  content: JSON.stringify({ city, conditions: "clear", temperature: 22, humidity: 60, wind_speed: 10 }),
  role: "tool",
});
const text = [
  { type: "TEXT_MESSAGE_START", messageId: "m9", role: "assistant" },
  { type: "TEXT_MESSAGE_CONTENT", messageId: "m9", delta: "Here " },
  { type: "TEXT_MESSAGE_CONTENT", messageId: "m9", delta: "you are." },
  { type: "TEXT_MESSAGE_END", messageId: "m9" },
];

const resultOf = (id, content) => ({ ...result(id), content });

/** A call that changes the state, first as a whole and then by a patch. */
function edit(told, state) {
  const snapshot = { ...state, told };
  const id = `c-${told}`;
  return [
    ...call(id, "edit", { told }, `m-${told}`),
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
const expiresAt = new Date(Date.now() + 900_000).toISOString();
const asked = { id: "i1", reason: "tool_call", toolCallId: "f1", message: "May it?", expiresAt };

/** The right answer to a request. */
function answer({ threadId, runId, protocolVersion, messages, tools, state, resume }) {
  const start = { type: "RUN_STARTED", threadId, runId, protocolVersion: "1.0", timestamp: 1760000000000 };
  const finish = { type: "RUN_FINISHED", threadId, runId, outcome: { type: "success" } };
  const last = messages.at(-1);
  if (last.role === "tool") return [start, ...text, finish];
  if (resume?.length) return [start, refunded, ...text, finish];
  if (String(last.content).includes("refund")) {
    const waits = { ...finish, outcome: { type: "interrupt", interrupts: [asked] } };
    return [start, ...call("f1", "refund_order", refund, "m1"), waits];
  }
  if (tools.length) {
    // A 0.x client, which declares no version, does not bear the list.
    const isOld = protocolVersion === undefined;
    const pending = { ...finish, outcome: { type: "success", pendingToolCallIds: isOld ? undefined : ["b1"] } };
    return [start, ...call("b1", "change_background", { background: "teal" }, "m1"), pending];
  }
  const said = text.map((event) => ({ ...event, messageId: `m-${runId}` }));
  if (last.content.startsWith("edit ")) return [start, ...edit(last.content, state), ...said, finish];
  if (last.content === "call survey") return [start, ...survey, ...said, finish];
  const cities = ["Tokyo", "Paris"].filter((city) => last.content.includes(city));
  const calls = cities.flatMap((city) => call(`w-${city}`, "get_weather", { location: city }, "m1"));
  const results = cities.map((city) => result(`w-${city}`, city)).reverse();
  return [start, ...calls, ...results, ...text, finish];
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
  ["cancelled", "tool", each("RUN_FINISHED", { outcome: { type: "cancelled" } }), "outcome cancelled", "1.0"],
  ["unknown event", "tool", insert({ type: "META" }), "printed", "1.0"],
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
  ["no final text", "tool", (events) => events.filter(({ type }) => !type.startsWith("TEXT")), "history is"],
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
  ["the result is told again", "frontend", secondRun(insert(result("b1", "x"))), "second result"],
  ["an approval that nobody waits for", "approval", insert(refunded), "before anybody approved it"],
  ["no interrupt", "approval", each("RUN_FINISHED", { outcome: { type: "success" } }), "the client saw outcome success"],
  ["another call's interrupt", "approval", each("RUN_FINISHED", { outcome: asks({ ...asked, toolCallId: "x" }) }), "about x"],
  ["two interrupts", "approval", each("RUN_FINISHED", { outcome: asks(asked, { ...asked, id: "i2" }) }), "interrupts are"],
  ["the call is told again", "approval", resumed((events) => events.toSpliced(1, 0, ...call("f1", "refund_order", refund, "m1"))), "is repeated"],
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
    for (const scenario of ["tool", "parallel", "frontend", "state", "progress", "approval"]) await expect(`good ${scenario}`, client, scenario);

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
