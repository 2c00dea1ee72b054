// What went over the wire in one run, and the rules that the official client does not check.
//
// The client resolves happily when a stream just stops, when ids differ, when a result belongs to no call or when
// arguments are not JSON. So the tests look at the raw bytes as well as at what the client made of them. Pairing and
// schemas are not looked at here: the client and the oracles do that.

/** A fetch for HttpAgent that keeps the request and the raw response bytes of every run that `transport` brings. */
export function recordingFetch(transport = fetch) {
  const runs = [];
  const recorder = async (url, init) => {
    const run = { init, input: JSON.parse(init.body), contentType: undefined, chunks: [] };
    runs.push(run);
    const response = await transport(url, init);
    run.status = response.status;
    run.contentType = response.headers.get("content-type") ?? "";
    if (!response.ok || response.body === null) return response;
    const keep = new TransformStream({
      transform(chunk, controller) {
        run.chunks.push(chunk);
        controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(keep), { status, statusText, headers });
  };
  return { runs, recorder };
}

export const bytesOf = (run) => Buffer.concat(run.chunks);

/** The events of a run; what is no JSON data frame is skipped, for frames.mjs reports it better. */
export function eventsOf(run) {
  return bytesOf(run)
    .toString("utf8")
    .split("\n\n")
    .filter((frame) => frame.startsWith("data: "))
    .flatMap((frame) => {
      try {
        return [JSON.parse(frame.slice("data: ".length))];
      } catch {
        return [];
      }
    });
}

/** The tool calls of a run in order: id, name, parent, arguments as text, results. */
export function callsOf(events) {
  const calls = new Map();
  for (const event of events) {
    const call = calls.get(event.toolCallId);
    if (event.type === "TOOL_CALL_START") {
      const { toolCallId: id, toolCallName: name, parentMessageId: parent } = event;
      calls.set(id, { id, name, parent, args: "", results: [] });
    } else if (event.type === "TOOL_CALL_ARGS" && call) call.args += event.delta;
    else if (event.type === "TOOL_CALL_RESULT" && call) call.results.push(event.content);
  }
  return [...calls.values()];
}

/** The run in a line each: type and id, deltas of a kind counted. */
export function outline(events) {
  const lines = [];
  for (const event of events) {
    const id = event.toolCallId ?? event.messageId ?? "";
    const more = event.toolCallName ?? event.code ?? event.outcome?.type ?? "";
    const line = [event.type, id, more].filter(Boolean).join(" ");
    const last = lines.at(-1);
    if (last?.line === line) last.times += 1;
    else lines.push({ line, times: 1 });
  }
  return lines.map(({ line, times }) => (times > 1 ? `${line} x${times}` : line));
}

/**
 * The faults of one successful run, as far as any 1.0 run can be judged without knowing the scenario. `isBefore1_0` says
 * that the shapes before 1.0 are right whatever version the input declares.
 */
export function wireProblems({ input, contentType, ...run }, isBefore1_0 = false) {
  const events = eventsOf(run);
  const problems = [];
  const check = (isRight, problem) => isRight || problems.push(problem);
  const first = events[0] ?? {};
  const last = events.at(-1) ?? {};
  const terminals = events.filter(({ type }) => type === "RUN_FINISHED" || type === "RUN_ERROR");
  // Clients keep an interrupt open until a RUN_FINISHED comes: a run that answers one has its failure behind that.
  const ending = terminals.map(({ type }) => type).join(" ");
  const isFailedLate = input.resume?.length > 0 && ending === "RUN_FINISHED RUN_ERROR";

  check(/^text\/event-stream(;|$)/i.test(contentType ?? ""), `content type is ${contentType}`);
  check(first.type === "RUN_STARTED", `first event is ${first.type}`);
  check(first.protocolVersion === "1.0", `RUN_STARTED.protocolVersion is ${first.protocolVersion}`);
  check(first.threadId === input.threadId, "RUN_STARTED.threadId is not the one sent");
  check(first.runId === input.runId, "RUN_STARTED.runId is not the one sent");
  check(terminals.length === 1 || isFailedLate, `${terminals.length} terminal events, expected 1`);
  check(terminals.includes(last), `last event is ${last.type}, not a terminal event`);
  for (const event of terminals) {
    if (event.type === "RUN_ERROR") problems.push(`RUN_ERROR ${event.code ?? ""}: ${event.message}`);
    else {
      check(event.threadId === input.threadId, "RUN_FINISHED.threadId is not the one sent");
      check(event.runId === input.runId, "RUN_FINISHED.runId is not the one sent");
    }
  }

  const history = input.messages ?? [];
  const answersOf = (messages) =>
    new Set(messages.filter(({ role }) => role === "tool").map(({ toolCallId }) => toolCallId));
  const known = new Set(history.flatMap((message) => message.toolCalls ?? []).map(({ id }) => id));
  let answered = answersOf(history);
  for (const event of events) {
    if (event.type === "TOOL_CALL_START") {
      check(!known.has(event.toolCallId), `call ${event.toolCallId} is repeated`);
      known.add(event.toolCallId);
    } else if (event.type === "TOOL_CALL_RESULT") {
      check(known.has(event.toolCallId), `result for unknown call ${event.toolCallId}`);
      check(!answered.has(event.toolCallId), `second result for call ${event.toolCallId}`);
      answered.add(event.toolCallId);
    } else if (event.type === "MESSAGES_SNAPSHOT") answered = answersOf(event.messages);
  }
  const isStopped = events.some(({ type, outcome }) => type === "RUN_ERROR" || outcome?.type === "cancelled");
  for (const call of callsOf(events)) {
    const isCutOff = isStopped && call.results.every((result) => isJsonObject(result) && "error" in JSON.parse(result));
    check(isJsonObject(call.args) || isCutOff, `arguments of call ${call.id} are not a JSON object`);
  }

  const unanswered = callsOf(events).filter(({ results }) => results.length === 0).map(({ id }) => id);
  const outcome = last.outcome ?? { type: "success" };
  // A client that declares no version is a 0.x one, whose schema of the outcome is closed: 0.0.59 fails the run when it
  // meets pendingToolCallIds. It derives the pending calls from the stream, so there the list is to be left out.
  const isOld = isBefore1_0 || input.protocolVersion === undefined;
  const isLeftOut = outcome.pendingToolCallIds === undefined && isOld;
  if (last.type === "RUN_FINISHED" && outcome.type === "success" && !isLeftOut) {
    const pending = outcome.pendingToolCallIds ?? [];
    check(
      JSON.stringify(pending) === JSON.stringify(unanswered),
      `pendingToolCallIds is ${JSON.stringify(pending)}, unanswered calls are ${JSON.stringify(unanswered)}`,
    );
  }
  return problems;
}

export function isJsonObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
