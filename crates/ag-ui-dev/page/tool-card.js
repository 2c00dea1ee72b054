// A tool call: its name, its arguments while they are written, its result, and how long it took.

import { renderParts, textOf } from "./content-view.js";
import { h, scrollingText, setText } from "./dom.js";
import { formatMs, prettyText } from "./format.js";

/** A view of `{ call, result, times, status }`, where status is "running", "waiting" or "ended". */
export function createToolCard({ call }) {
  const state = h("span", { class: "state" });
  const time = h("span", { class: "time" });
  const args = scrollingText(`Arguments of ${call.function.name}`);
  const text = scrollingText(`Result of ${call.function.name}`);
  const parts = h("div", {});
  const resultTitle = h("p", { class: "label" });
  const result = h("div", { hidden: true }, resultTitle, text.element, parts);
  const name = h("code", { class: "name" }, call.function.name);
  const element = h(
    "div",
    { class: "tool", role: "group", "aria-label": `Call of ${call.function.name}` },
    h("p", { class: "tool-head" }, name, state, time),
    h("p", { class: "label" }, "Arguments"),
    args.element,
    result,
  );

  function update(item) {
    setText(name, item.call.function.name);
    args.update(prettyText(item.call.function.arguments) || "(none yet)");
    const failure = item.result && failureOf(item.result);
    const shown = stateOf(item, failure);
    element.dataset.state = shown.id;
    setText(state, shown.text);
    const { started, finished } = item.times ?? {};
    setText(time, item.result && started && finished ? formatMs(finished - started) : "");
    result.hidden = item.result === undefined;
    if (item.result === undefined) return;
    setText(resultTitle, failure ? "Error" : "Result");
    const { content } = item.result;
    text.element.hidden = typeof content !== "string";
    if (typeof content === "string") text.update(prettyText(content) || "(empty)");
    else if (parts.childElementCount === 0) parts.replaceChildren(...renderParts(content));
  }

  return { element, update };
}

/** Whether the tool failed. The protocol has no other sign of that than the result itself. */
export function failureOf({ content, error }) {
  if (error) return true;
  try {
    const value = JSON.parse(textOf(content));
    return typeof value === "object" && value !== null && typeof value.error === "string";
  } catch {
    return false;
  }
}

function stateOf({ result, status, call }, failure) {
  if (result) return failure ? { id: "failed", text: "Failed" } : { id: "done", text: "Done" };
  if (status === "waiting") return { id: "waiting", text: "Waits for you" };
  if (status === "ended") return { id: "open", text: "No result" };
  try {
    JSON.parse(call.function.arguments);
    return { id: "running", text: "Running…" };
  } catch {
    return { id: "running", text: "Writing arguments…" };
  }
}
