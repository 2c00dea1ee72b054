// The events of a run, one line for each, with the JSON of an event behind its line.

import { h, onNextFrame } from "./dom.js";
import { formatMs, prettyJson, shorten } from "./format.js";

/** Lines that are shown; a longer run shows its last ones. */
const MAX_LINES = 1500;

/** Shows the frames of the run that is chosen in `panel`. */
export function createFramesView({ panel, conversation }) {
  const summary = h("p", { class: "hint" });
  const list = h("div", { class: "frames" });
  panel.replaceChildren(summary, list);
  let run;
  let drawn = 0;

  const render = onNextFrame(() => {
    const isAtEnd = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 60;
    const frames = run?.frames ?? [];
    list.append(...frames.slice(Math.max(drawn, frames.length - MAX_LINES)).map(frameLine));
    drawn = frames.length;
    while (list.childElementCount > MAX_LINES) list.firstElementChild.remove();
    summary.textContent = run ? summaryOf(run) : "No run yet. The events of each run are listed here.";
    if (isAtEnd && run && run.ending === undefined) panel.scrollTop = panel.scrollHeight;
  });
  conversation.addEventListener("frame", ({ detail }) => {
    if (detail.run === run) render();
  });

  return {
    show(chosen) {
      if (chosen !== run) {
        run = chosen;
        drawn = 0;
        list.replaceChildren();
      }
      render();
    },
  };
}

function frameLine({ number, ms, event, text, problem, warning }) {
  const body = h("pre", { class: "code" });
  const trouble = problem ?? warning;
  const line = h(
    "summary",
    {},
    h("span", { class: "number" }, `#${number}`),
    h("span", { class: "time" }, `+${formatMs(ms)}`),
    h("span", { class: "type" }, event?.type ?? "not an event"),
    h("span", { class: "brief" }, trouble ?? briefOf(event)),
  );
  const element = h("details", { "data-family": trouble ? "trouble" : familyOf(event.type) }, line, body);
  // The JSON is written when its line is opened, since a run may have thousands of frames.
  element.addEventListener("toggle", () => {
    if (element.open && body.textContent === "") body.textContent = `${trouble ? `${trouble}\n\n` : ""}${event ? prettyJson(event) : text}`;
  });
  return element;
}

function familyOf(type) {
  if (type === "RUN_ERROR" || type === "SUBAGENT_ERROR") return "trouble";
  return type.split("_")[0].toLowerCase();
}

/** What distinguishes one event from the next of its type. */
function briefOf(event) {
  const { type } = event;
  if (event.delta !== undefined) return typeof event.delta === "string" ? JSON.stringify(shorten(event.delta)) : shorten(event.delta.map(({ op, path }) => `${op} ${path}`).join(", "));
  if (type === "TOOL_CALL_START") return event.toolCallName;
  if (type === "TOOL_CALL_RESULT") return shorten(typeof event.content === "string" ? event.content : JSON.stringify(event.content));
  if (type === "RUN_FINISHED") return [event.outcome?.type ?? "success", usageOf(event)].filter(Boolean).join(", ");
  if (type === "RUN_ERROR") return shorten(`${event.code ?? ""} ${event.message ?? ""}`);
  if (type === "MESSAGES_SNAPSHOT") return `${event.messages?.length} messages`;
  if (type === "CUSTOM") return event.name;
  if (type === "RAW") return event.source ?? "";
  if (type === "STATE_SNAPSHOT") return shorten(JSON.stringify(event.snapshot));
  return event.stepName ?? event.activityType ?? event.name ?? event.runId ?? event.toolCallId ?? event.messageId ?? "";
}

function usageOf({ usage = [] }) {
  const sum = (name) => usage.reduce((total, entry) => total + (entry[name] ?? 0), 0);
  return usage.length > 0 ? `${sum("inputTokens")} + ${sum("outputTokens")} tokens` : "";
}

function summaryOf({ frames, status, requestId, ending, startedAt, endedAt }) {
  const parts = [`${frames.length} events`];
  if (status !== undefined) parts.push(`HTTP ${status}`);
  if (endedAt !== undefined) parts.push(formatMs(endedAt - startedAt));
  parts.push({ finished: "ended", refused: "refused", stopped: "stopped by you", cut: "cut off", unreadable: "unreadable" }[ending?.kind] ?? "running…");
  if (requestId !== undefined) parts.push(`request ${requestId.slice(0, 8)}…`);
  return parts.join(" · ");
}
