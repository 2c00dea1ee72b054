// The development server's own routes, and the function behind it.

import { createSseParser } from "./sse.js";

/** The error of a request that was refused, or that got no response (then `status` is 0). */
export class RequestError extends Error {
  constructor(status, { code, message, path, reason, hint } = {}) {
    super(message);
    Object.assign(this, { status, code, path, reason, hint });
  }
}

export function createApi(key, send = (...request) => fetch(...request)) {
  // A request to the function that chooses its caller needs the key too. The server does not pass the key on.
  const withKey = (options) => ({ ...options, headers: { ...options.headers, "x-agui-dev-key": key } });

  async function call(url, options = {}) {
    const response = await reach(send, url, withKey(options));
    if (!response.ok) throw await refusal(response);
    return response;
  }

  async function post(url, value) {
    const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
    return (await call(url, options)).json();
  }

  return {
    session: async () => (await call("/_dev/session")).json(),
    /** Sets a fault and returns all faults with their new values. */
    setFault: (id, value) => post(`/_dev/faults/${encodeURIComponent(id)}`, { value }),
    /** Returns the Lambda event of a request, and a curl command that sends the request. */
    describe: (request) => post("/_dev/event", request),
    /** Returns the capabilities of the agent for this caller. */
    capabilities: async (callerHeaders) => (await call("/capabilities", { headers: callerHeaders, cache: "no-store" })).json(),
    /** Calls `onLine` with each line of the log, until the connection ends. */
    async readLog(onLine, signal) {
      const response = await call("/_dev/log", { signal });
      for await (const data of frames(response.body)) onLine(parseLine(data));
    },
    /** Sends a request to the function and returns its response, also if that is an error. */
    send: ({ method, path, headers, body }, signal) => reach(send, path, withKey({ method, headers, body, signal, cache: "no-store" })),
  };
}

/** The data of each frame of an event stream. */
export async function* frames(body) {
  const parser = createSseParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
    yield* parser.push(decoder.decode());
    yield* parser.end();
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The error of a refused request: the members of `error` in its body, or else the beginning of the body. */
export async function refusal(response) {
  const text = await response.text().catch(() => "");
  try {
    const { error, message } = JSON.parse(text);
    if (typeof error === "object" && error !== null) return new RequestError(response.status, error);
    if (message !== undefined) return new RequestError(response.status, { message: String(message) });
  } catch {
    // It is not JSON, and is shown unchanged.
  }
  return new RequestError(response.status, { message: text.slice(0, 500) || `HTTP ${response.status} without a body.` });
}

async function reach(send, url, options) {
  try {
    return await send(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError(0, {
      code: "NO_CONNECTION",
      message: "The development server does not answer.",
      hint: "Look at the terminal that it was started in: it may have been stopped.",
    });
  }
}

function parseLine(data) {
  try {
    const line = JSON.parse(data);
    return typeof line === "object" && line !== null ? line : { message: data };
  } catch {
    return { message: data };
  }
}
