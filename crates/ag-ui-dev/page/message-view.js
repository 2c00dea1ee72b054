// One message of the conversation, or one note between messages.

import { renderParts } from "./content-view.js";
import { h, reconcile, scrollingText, setText } from "./dom.js";
import { prettyJson } from "./format.js";
import { renderMarkdown } from "./markdown-view.js";
import { createToolCard } from "./tool-card.js";

/** A view of `{ message, calls, isStreaming, subagent }`. */
export function createMessageView({ message }) {
  switch (message.role) {
    case "user":
      return userView();
    case "reasoning":
      return reasoningView();
    case "activity":
      return activityView();
    case "tool":
      return orphanView();
    default:
      return textView(message.role);
  }
}

function userView() {
  const body = h("div", { class: "body" });
  let shown;
  return {
    element: h("article", { class: "message user", "aria-label": "You" }, body),
    update({ message: { content } }) {
      if (content === shown) return;
      shown = content;
      body.replaceChildren(...renderParts(typeof content === "string" ? [{ type: "text", text: content }] : content));
    },
  };
}

/** Assistant messages, and the rarer ones of the roles system and developer. */
function textView(role) {
  const who = h("p", { class: "label" });
  const body = h("div", { class: "body markdown" });
  const calls = h("div", { class: "calls" });
  const views = new Map();
  let shown;
  return {
    element: h("article", { class: `message ${role}`, "aria-label": role === "assistant" ? "Agent" : role }, who, body, calls),
    update({ message, calls: items, subagent }) {
      const author = role === "assistant" ? (message.name ?? subagent ?? "") : role;
      setText(who, author);
      who.hidden = author === "";
      if (message.content !== shown) {
        shown = message.content;
        body.replaceChildren(...renderMarkdown(shown ?? ""));
      }
      body.hidden = !shown;
      reconcile(calls, views, items, createToolCard);
    },
  };
}

function reasoningView() {
  const title = h("summary", {});
  const body = h("p", { class: "plain" });
  return {
    element: h("details", { class: "message reasoning", open: true }, title, body),
    update({ message, isStreaming }) {
      setText(title, isStreaming ? "Reasoning…" : "Reasoning");
      setText(body, message.content || (message.encryptedValue ? "(only the provider can read it)" : ""));
    },
  };
}

function activityView() {
  const title = h("p", { class: "label" });
  const body = scrollingText("Content of the activity");
  return {
    element: h("article", { class: "message activity", "aria-label": "Activity" }, title, body.element),
    update({ message }) {
      setText(title, `Activity: ${message.activityType}`);
      body.update(prettyJson(message.content));
    },
  };
}

/** A result whose call is not in any message. */
function orphanView() {
  const title = h("p", { class: "label" });
  const body = scrollingText("Result");
  return {
    element: h("article", { class: "message activity", "aria-label": "Result" }, title, body.element),
    update({ message }) {
      setText(title, `Result of a call that is not here: ${message.toolCallId}`);
      body.update(typeof message.content === "string" ? message.content : prettyJson(message.content));
    },
  };
}

/** A view of `{ note, canRetry }`; `onRetry` sends the last run again. */
export function createNoteView({ note }, onRetry) {
  if (note.kind === "error") return errorView(onRetry);
  if (note.kind === "info") return plainNote();
  return progressView(note);
}

function errorView(onRetry) {
  const body = h("div", {});
  const retry = h("button", { type: "button", class: "small", onclick: onRetry }, "Send again");
  let shown;
  return {
    element: h("article", { class: "note error", "aria-label": "Error" }, body, retry),
    update({ note, canRetry }) {
      retry.hidden = !canRetry;
      if (note === shown) return;
      shown = note;
      const status = note.status > 0 ? `HTTP ${note.status}` : undefined;
      const title = [status, note.code].filter(Boolean).join(" ") || "Error";
      body.replaceChildren(
        h("p", { class: "note-title" }, title),
        h("p", {}, note.text ?? ""),
        ...(note.path ? [h("p", {}, "At ", h("code", {}, note.path))] : []),
        ...(note.reason ? [h("p", {}, "Reason: ", h("code", {}, note.reason))] : []),
        ...(note.hint ? [h("p", { class: "hint" }, note.hint)] : []),
        ...(note.detail ? [h("pre", { class: "code" }, note.detail)] : []),
      );
    },
  };
}

function plainNote() {
  const element = h("p", { class: "note" });
  return { element, update: ({ note }) => setText(element, note.text) };
}

/** A step or a subagent, which begin and end. */
function progressView({ kind }) {
  const state = h("span", { class: "state" });
  const title = h("span", {});
  const element = h("p", { class: "note progress" }, title, " · ", state);
  const words = { running: "running…", finished: "done", failed: "failed", waiting: "waits for you", unfinished: "not finished" };
  return {
    element,
    update({ note }) {
      element.dataset.state = note.status;
      setText(title, `${kind === "step" ? "Step" : "Subagent"}: ${note.title ?? note.name}`);
      setText(state, words[note.status] ?? "");
    },
  };
}
