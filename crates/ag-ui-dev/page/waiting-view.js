// The forms that the thread waits for: one for each open interrupt, and one for each call of the page's own tools.

import { freshId, h, onNextFrame, scrollingText } from "./dom.js";
import { prettyJson, prettyText } from "./format.js";
import { allowsEdits, answer, approve, approveWith, cancel, deny, kindOf } from "./resume.js";
import { createFields } from "./schema-fields.js";
import { describeForm } from "./schema-form.js";
import { findCall } from "./thread.js";

/** Shows the forms in `root`; `onAnswered` is called when the last of them is gone and had the focus. */
export function createWaitingView({ root, conversation, onAnswered }) {
  let shown = "";

  const render = onNextFrame(() => {
    const { thread, answers, isWaiting } = conversation;
    const pending = isWaiting ? thread.pendingCalls : [];
    const interrupts = isWaiting ? thread.interrupts : [];
      // The forms are only created again when the questions change, since the user may be typing in them.
    const key = JSON.stringify([pending, interrupts.map(({ id }) => [id, answers.get(id)])]);
    if (key === shown) return;
    const hadFocus = root.contains(document.activeElement);
    const wasEmpty = root.childElementCount === 0;
    const kept = new Map([...root.children].map((card) => [card.dataset.key, card]));
    shown = key;
    const total = interrupts.length + pending.length;
    const cards = [
      ...interrupts.map((interrupt) => keep(`i ${interrupt.id} ${JSON.stringify(answers.get(interrupt.id))}`, () => interruptCard(interrupt, conversation, total))),
      ...pending.map((id) => keep(`c ${id}`, () => callCard(findCall(thread, id).call, conversation))),
    ];
    root.replaceChildren(...cards);
    root.hidden = cards.length === 0;
    if (cards.length > 0 && (wasEmpty || hadFocus)) (cards.find((card) => card.dataset.open === "yes") ?? cards[0]).focus();
    else if (cards.length === 0 && hadFocus) onAnswered();

    function keep(cardKey, create) {
      const card = kept.get(cardKey) ?? create();
      card.dataset.key = cardKey;
      return card;
    }
  });
  conversation.addEventListener("change", render);
  return { render };
}

function interruptCard(interrupt, conversation, total) {
  const given = conversation.answers.get(interrupt.id);
  const send = (reply) => conversation.answerInterrupt(interrupt.id, reply);
  const call = interrupt.toolCallId && findCall(conversation.thread, interrupt.toolCallId)?.call;
  const isApproval = kindOf(interrupt) === "approval";
  const content = [call && callText(call)];
  if (interrupt.expiresAt) content.push(h("p", { class: "hint" }, `It can be answered until ${new Date(interrupt.expiresAt).toLocaleTimeString()}.`));
  if (given !== undefined) {
    const undo = h("button", { type: "button", onclick: () => send(undefined) }, "Change this answer");
    const rest = total > 1 ? " It is sent when all are answered." : "";
    content.push(h("p", {}, `Your answer: ${answerText(given)}.${rest}`), h("div", { class: "buttons" }, undo));
  } else if (isApproval) content.push(...approvalForm(interrupt, call, send));
  else content.push(questionForm(interrupt, send));
  return card(isApproval ? "Approval" : "Question", interrupt.message ?? `The agent waits (${interrupt.reason}).`, content, given === undefined);
}

function approvalForm(interrupt, call, send) {
  const approveButton = h("button", { type: "button", class: "primary", onclick: () => send(approve()) }, "Approve");
  const buttons = h("div", { class: "buttons" }, approveButton, h("button", { type: "button", onclick: () => send(deny()) }, "Deny"));
  const cancelButton = h("button", { type: "button", onclick: () => send(cancel()) }, "Cancel");
  if (!allowsEdits(interrupt)) {
    buttons.append(cancelButton);
    return [buttons];
  }
  const id = freshId("arguments");
  const error = h("p", { class: "field-error", role: "alert" });
  const editor = h("textarea", { id, class: "mono", rows: "5", spellcheck: "false", value: prettyText(call?.function.arguments ?? "{}") });
  const sendEdited = () => {
    try {
      send(approveWith(JSON.parse(editor.value)));
    } catch (problem) {
      error.textContent = `The arguments are not JSON: ${problem.message}`;
      editor.focus();
    }
  };
  const edited = h(
    "div",
    { class: "field", hidden: true },
    h("label", { for: id }, "Arguments"),
    editor,
    error,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: sendEdited }, "Approve with these arguments")),
  );
  const toggle = h("button", { type: "button", "aria-expanded": "false" }, "Edit arguments");
  toggle.addEventListener("click", () => {
    edited.hidden = !edited.hidden;
    toggle.setAttribute("aria-expanded", String(!edited.hidden));
    if (!edited.hidden) editor.focus();
  });
  buttons.append(toggle, cancelButton);
  return [buttons, edited];
}

function questionForm(interrupt, send) {
  const fields = createFields(describeForm(interrupt.responseSchema ?? {}));
  const submit = (event) => {
    event.preventDefault();
    const read = fields.read();
    if (read !== undefined) send(answer(read.value));
  };
  const buttons = h("div", { class: "buttons" }, h("button", { class: "primary" }, "Answer"), h("button", { type: "button", onclick: () => send(cancel()) }, "Cancel"));
  return h("form", { onsubmit: submit, novalidate: true }, fields.elements, buttons);
}

/** A call that only the developer can answer. */
function callCard(call, conversation) {
  const id = freshId("result");
  const result = h("textarea", { id, class: "mono", rows: "3", spellcheck: "false" });
  const send = (isError) => conversation.answerCall(call.id, { content: result.value, ...(isError && { error: result.value || "The tool failed." }) });
  const submit = (event) => {
    event.preventDefault();
    send(false);
  };
  const form = h(
    "form",
    { onsubmit: submit },
    h("div", { class: "field" }, h("label", { for: id }, "Result, as the tool would return it"), result),
    h("div", { class: "buttons" }, h("button", { class: "primary" }, "Send result"), h("button", { type: "button", onclick: () => send(true) }, "Send as error")),
  );
  return card("Tool of the page", `The agent called ${call.function.name}. What does it return?`, [callText(call), form], true);
}

function card(kind, message, content, isOpen) {
  const id = freshId("waiting");
  const title = h("h2", { id }, h("span", { class: "kind" }, kind), " ", message);
  return h("div", { class: "card", tabindex: "-1", role: "group", "aria-labelledby": id, "data-open": isOpen ? "yes" : "no" }, title, content);
}

function callText(call) {
  const args = scrollingText(`Arguments of ${call.function.name}`);
  args.update(prettyText(call.function.arguments));
  return h("div", {}, h("p", { class: "label" }, h("code", { class: "name" }, call.function.name), " with"), args.element);
}

function answerText({ status, payload }) {
  if (status === "cancelled") return "cancelled";
  if (payload?.editedArgs !== undefined) return "approved with other arguments";
  if (payload?.approved === true) return "approved";
  if (payload?.approved === false) return "denied";
  return prettyJson(payload);
}
