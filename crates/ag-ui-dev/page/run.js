// One run: a request that is sent, and the events of its response.
//
// It finds what is wrong with the response: a refusal, frames that are not events, a body that ends too early. What the events
// mean is decided elsewhere.

import { frames, refusal, RequestError } from "./api.js";

/**
 * Sends the run's request and calls `onFrame` for each frame: `{ number, ms, text, event }`, or with `problem` in place
 * of `event`.
 *
 * Returns how it ended: `{ kind: "finished" }` behind RUN_FINISHED or RUN_ERROR, `"refused"` with the error,
 * `"stopped"` by `signal`, `"cut"` where the connection broke or the body ended without a last event, or
 * `"unreadable"` if the response is not an event stream.
 */
export async function perform({ request, api, signal, onResponse = () => {}, onFrame, now = Date.now }) {
  const started = now();
  let isTerminated = false;
  let number = 0;
  try {
    const response = await api.send(request, signal);
    onResponse({ status: response.status, requestId: response.headers.get("x-amzn-requestid") ?? undefined });
    if (!response.ok) return { kind: "refused", error: await refusal(response) };
    const type = response.headers.get("content-type") ?? "";
    if (!type.startsWith("text/event-stream")) {
      const text = (await response.text()).slice(0, 500);
      return { kind: "unreadable", message: `The response is not an event stream but ${type || "without a media type"}.`, text };
    }
    for await (const text of frames(response.body)) {
      number += 1;
      const frame = { number, ms: now() - started, text, ...parseFrame(text) };
      const { type } = frame.event ?? {};
      if (type === "RUN_FINISHED" || type === "RUN_ERROR") isTerminated = true;
      else if (type === "RUN_STARTED") isTerminated = false;
      onFrame(frame);
    }
  } catch (error) {
    if (error instanceof RequestError) return { kind: "refused", error };
    if (signal?.aborted) return { kind: "stopped" };
    if (!isTerminated) return { kind: "cut", message: "The connection broke before the run had ended." };
  }
  if (isTerminated) return { kind: "finished" };
  return { kind: "cut", message: "The answer ended without RUN_FINISHED or RUN_ERROR." };
}

function parseFrame(text) {
  let event;
  try {
    event = JSON.parse(text);
  } catch (error) {
    return { problem: `This frame is not JSON: ${error.message}` };
  }
  if (typeof event?.type !== "string" || event.type === "") return { problem: "This frame is not an event: it has no type." };
  return { event };
}
