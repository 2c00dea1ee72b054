// The shared state as a tree, with what the last run has changed.

import { changesBetween } from "./changes.js";
import { freshId, h, onNextFrame } from "./dom.js";
import { prettyJson } from "./format.js";
import { escapeName } from "./patch.js";

/** Shows the state in `panel`; `onNews` is called when an event has changed it. */
export function createStateView({ panel, conversation, onNews }) {
  const summary = h("p", { class: "hint", role: "status" });
  const tree = h("div", { class: "tree" });
  const id = freshId("state");
  const editor = h("textarea", { id, class: "mono", rows: "14", spellcheck: "false" });
  const error = h("p", { class: "field-error", role: "alert" });
  const edit = h("button", { type: "button", class: "small", onclick: startEditing }, "Edit the state");
  const form = h(
    "form",
    { hidden: true, onsubmit: finishEditing },
    h("div", { class: "field" }, h("label", { for: id }, "State, as JSON"), editor, error),
    h("div", { class: "buttons" }, h("button", { class: "primary" }, "Use this state"), h("button", { type: "button", onclick: stopEditing }, "Cancel")),
  );
  panel.replaceChildren(summary, tree, form, h("div", { class: "buttons" }, edit));
  let shown;

  const render = onNextFrame(() => {
    const { state } = conversation.thread;
    const before = conversation.stateBefore;
    if (state === shown?.state && before === shown.before) return;
    const isNews = shown !== undefined && state !== shown.state;
    shown = { state, before };
    const { changed, removed } = before === undefined ? { changed: new Set(), removed: [] } : changesBetween(before, state);
    const parts = [];
    if (changed.size > 0) parts.push(`The last run changed what is marked (${changed.size}).`);
    if (removed.length > 0) parts.push(`It removed ${removed.join(", ")}.`);
    summary.textContent = parts.join(" ") || "The state goes to the function with each run, and comes back changed.";
    tree.replaceChildren(node("", state, "", changed));
    if (isNews && (changed.size > 0 || removed.length > 0)) onNews();
  });
  conversation.addEventListener("change", render);

  function startEditing() {
    editor.value = prettyJson(conversation.thread.state);
    toggle(true);
    editor.focus();
  }

  function stopEditing() {
    toggle(false);
    edit.focus();
  }

  function finishEditing(event) {
    event.preventDefault();
    try {
      conversation.setState(JSON.parse(editor.value));
      stopEditing();
    } catch (problem) {
      error.textContent = `The state is not JSON: ${problem.message}`;
      editor.focus();
    }
  }

  function toggle(isEditing) {
    error.textContent = "";
    form.hidden = !isEditing;
    tree.hidden = isEditing;
    edit.hidden = isEditing;
  }

  return { render };
}

/** One value: a line, or a part that opens and closes. */
function node(name, value, pointer, changed) {
  const isChanged = changed.has(pointer);
  const mark = isChanged ? h("span", { class: "mark" }, "changed") : undefined;
  const key = name === "" ? undefined : h("span", { class: "key" }, `${name}: `);
  if (typeof value !== "object" || value === null) {
    return h("p", { "data-changed": isChanged ? "yes" : "no" }, key, h("span", { class: `value ${value === null ? "null" : typeof value}` }, JSON.stringify(value) ?? "undefined"), mark);
  }
  const names = Object.keys(value);
  const isArray = Array.isArray(value);
  const size = isArray ? `[${names.length}]` : `{${names.length}}`;
  if (names.length === 0) return h("p", { "data-changed": isChanged ? "yes" : "no" }, key, h("span", { class: "value" }, isArray ? "[]" : "{}"), mark);
  const children = names.map((child) => node(child, value[child], `${pointer}/${escapeName(child)}`, changed));
  return h("details", { open: true, "data-changed": isChanged ? "yes" : "no" }, h("summary", {}, key, h("span", { class: "value" }, size), mark), h("div", { class: "children" }, children));
}
