// The line between the web server and the function. It records every run, and breaks as a test asks.
//
// On Lambda the function does not notice that a client has gone, so what is cut here is still read to its end.

import { createServer, request as send } from "node:http";
import { until } from "./until.mjs";

/** Starts a line, which reaches no function until `connect`. */
export async function startLine() {
  const line = { target: undefined, runs: [], isDown: true, faults: [] };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => pass(line, request, Buffer.concat(chunks), response));
  });
  server.requestTimeout = 0;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Every run that was posted, the oldest first: `input`, `headers`, `status`, `types` of its events, and what has become of it. */
    runs: line.runs,
    /** From now on runs go to the function at this URL. */
    connect(url) {
      line.target = url;
      line.isDown = false;
    },
    /** The function cannot be reached, until `connect`. */
    disconnect: () => void (line.isDown = true),
    /**
     * Applies once, to the next run: `cutAfter` closes the connection after the first event of a type, `holdAfter` sends
     * nothing after it until `release` (after the event number `times` of the type, if that is given), `headers` are changed
     * ones; undefined removes one. `end` is an event that is sent in place of RUN_FINISHED.
     */
    next: (fault) => void line.faults.push(fault),
    /** Waits until these functions have logged the end of every run of a thread that was accepted, and did not die. */
    isSettled(thread, agents) {
      const runs = () => line.runs.filter((run) => run.input.threadId === thread);
      const isAnswered = (run) => run.status !== undefined || run.isOver;
      const begun = () => runs().filter((run) => run.status === 200 && !run.hasDied).length;
      const ended = () => agents.reduce((count, agent) => count + agent.ended(thread), 0);
      return until(() => runs().every(isAnswered) && ended() >= begun(), "the log has the end of every run");
    },
    /** Forgets the faults that did not apply, and lets go of what is held. */
    reset() {
      line.faults.length = 0;
      for (const run of line.runs) run.release?.();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Passes one request on to the function, and its response back. */
function pass(line, request, body, response) {
  const run = request.method === "POST" ? begin(line, request, body) : undefined;
  if (line.isDown) {
    if (run) run.isOver = true;
    return response.destroy();
  }
  const fault = (run && line.faults.shift()) ?? {};
  const { host, connection, "transfer-encoding": _, ...kept } = request.headers;
  const headers = { ...kept, ...fault.headers, "content-length": body.length };
  for (const [name, value] of Object.entries(headers)) if (value === undefined) delete headers[name];
  const onward = send(new URL(request.url, line.target), { method: request.method, headers }, (answer) => {
    relay(run, fault, answer, response);
  });
  onward.on("error", () => {
    if (run) run.isOver = true;
    response.destroy();
  });
  onward.end(body);
}

/** Records a run that begins. */
function begin(line, request, body) {
  const run = { headers: request.headers, types: [], isOver: false };
  try {
    run.input = JSON.parse(body);
  } catch {
    return undefined; // not a run
  }
  line.runs.push(run);
  return run;
}

/** Passes a response back, event by event. */
function relay(run, fault, answer, response) {
  if (run) run.status = answer.statusCode;
  const headers = { ...answer.headers };
  delete headers["content-length"];
  delete headers["transfer-encoding"];
  response.writeHead(answer.statusCode, headers);
  response.flushHeaders();
  // What is held is sent later, as long as the client is there.
  let held;
  let isCut = false;
  const write = (bytes) => {
    if (held) held.push(bytes);
    else if (!isCut && !response.destroyed) response.write(bytes);
  };
  const finish = () => {
    if (!isCut && !response.destroyed) response.end();
  };
  if (run && fault.holdAfter) {
    run.release = () => {
      const waiting = held ?? [];
      held = undefined;
      fault.holdAfter = undefined;
      waiting.forEach(write);
      if (run.isOver) finish();
    };
  }
  let text = "";
  answer.setEncoding("utf8");
  answer.on("data", (piece) => {
    text += piece;
    const frames = text.split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const type = typeOf(frame);
      const isReplaced = type === "RUN_FINISHED" && fault.end !== undefined;
      write(isReplaced ? `data: ${JSON.stringify(fault.end)}\n\n` : `${frame}\n\n`);
      if (type === undefined || run === undefined) continue;
      run.types.push(type);
      if (type === fault.holdAfter && !held && run.types.filter((each) => each === type).length >= (fault.times ?? 1)) {
        held = [];
        run.isHeld = true;
      }
      if (type === fault.cutAfter && !isCut) {
        isCut = true;
        setImmediate(() => response.socket?.destroySoon());
      }
    }
  });
  answer.on("end", () => {
    if (text !== "") write(text);
    if (run) run.isOver = true;
    if (!held) finish();
  });
  // The function's process was killed.
  answer.on("error", () => {
    if (run) Object.assign(run, { isOver: true, hasDied: true });
    response.destroy();
  });
}

/** The type of the event in a frame; `undefined` for a comment. */
function typeOf(frame) {
  const data = frame.split("\n").find((text) => text.startsWith("data: "));
  if (data === undefined) return undefined;
  try {
    return JSON.parse(data.slice("data: ".length)).type;
  } catch {
    return undefined;
  }
}
