// The function's log: the lines of the run that is chosen, or all of them.

import { freshId, h, onNextFrame } from "./dom.js";
import { formatMs, prettyJson } from "./format.js";

const MAX_LINES = 1000;
/** Fields that are not listed: they are shown elsewhere in the line, or are of no use to a reader. */
const HIDDEN = new Set(["timestamp", "level", "message", "service", "request_id", "run_id", "thread_id", "xray_trace_id", "task_id", "_aws", "server", "target"]);
/** The metrics of CloudWatch, which repeat other fields, begin with a capital letter. */
const METRIC = /^[A-Z]/;

/** Shows the log in `panel`. Returns `{ add(line), reset(), show(run), setProblem(text) }`. */
export function createLogView({ panel, isAll = false, onSetting = () => {} }) {
  const all = h("input", { type: "checkbox", id: freshId("all"), checked: isAll });
  const summary = h("p", { class: "hint" });
  const problem = h("p", { class: "field-error", role: "status" });
  const list = h("div", { class: "log-lines" });
  panel.replaceChildren(h("div", { class: "check" }, all, h("label", { for: all.id }, "Show all lines, not only those of the run")), summary, problem, list);
  let lines = [];
  let run;
  let drawn = [];

  const render = onNextFrame(() => {
    const shown = all.checked ? lines : lines.filter((line) => isOf(line, run));
    const isAtEnd = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 60;
    const isGrown = drawn.length > 0 && drawn.every((line, index) => line === shown[index]);
    if (isGrown) list.append(...shown.slice(drawn.length).map(lineView));
    else list.replaceChildren(...shown.map(lineView));
    if (isAtEnd && isGrown) panel.scrollTop = panel.scrollHeight;
    drawn = shown;
    summary.textContent = summaryOf(shown.length);
  });
  all.addEventListener("change", () => {
    onSetting(all.checked);
    render();
  });

  function summaryOf(count) {
    if (all.checked) return `${count} lines.`;
    if (run === undefined) return "No run yet. The log lines of each run are shown here.";
    if (run.requestId === undefined) return "The answer of this run has no x-amzn-requestid, so its lines cannot be found.";
    const lines = count === 0 ? "No line yet" : count === 1 ? "1 line" : `${count} lines`;
    return `${lines} of request ${run.requestId}.`;
  }

  return {
    add(line) {
      lines = [...lines, { ...line, seenAt: Date.now() }].slice(-MAX_LINES);
      render();
    },
    reset() {
      lines = [];
      render();
    },
    show(chosen) {
      run = chosen;
      render();
    },
    setProblem(text) {
      problem.textContent = text;
    },
  };
}

/** Lines of its request, and what happened to the function meanwhile. */
function isOf(line, run) {
  if (run === undefined) return false;
  if (line.server !== undefined) return line.seenAt >= run.startedAt && line.seenAt <= (run.endedAt ?? Infinity);
  return run.requestId !== undefined && line.request_id === run.requestId;
}

function lineView(line) {
  const { seenAt: _, ...members } = line;
  const level = line.server === undefined ? (line.level ?? "") : "SERVER";
  const isField = ([name, value]) => !HIDDEN.has(name) && !METRIC.test(name) && !(name === "cold_start" && value === false);
  const fields = Object.entries(members).filter(isField);
  const time = /T(\d\d:\d\d:\d\d\.\d{3})/.exec(line.timestamp ?? "")?.[1] ?? "";
  const body = h("pre", { class: "code" });
  const element = h(
    "details",
    { "data-level": level.toLowerCase() },
    h(
      "summary",
      {},
      h("span", { class: "time" }, time),
      h("span", { class: "level" }, level),
      h("span", { class: "text" }, line.message ?? String(line.server ?? "")),
      fields.map(([name, value]) => h("span", { class: "pair" }, `${name.replace(/_ms$/, "")}=`, h("b", {}, fieldText(name, value)))),
    ),
    body,
  );
  element.addEventListener("toggle", () => {
    if (element.open) body.textContent = prettyJson(members);
  });
  return element;
}

function fieldText(name, value) {
  if (name.endsWith("_ms") && typeof value === "number") return formatMs(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}
