// A chat with an agent by @ag-ui/client alone: text, tool calls, a tool of the page, approvals, Stop and errors.

import { buildResumeArray } from "@ag-ui/client";
import { agent } from "./agent.js";

const part = (id) => document.getElementById(id);
const element = (tag, properties) => Object.assign(document.createElement(tag), properties);
const articleOf = (id, className) => part(id) ?? part("chat").appendChild(element("article", { id, className }));
let [isRunning, error, answers, pending] = [false, "", {}, []];

// A tool of this page: what the model reads of it, and what it does.
const parameters = { type: "object", properties: { background: { type: "string" } }, required: ["background"] };
const tools = [{ name: "change_background", description: "Changes the background color of the page.", parameters }];
const actions = { change_background: ({ background }) => (document.body.style.background = background) };

// #region run
async function run(options) {
  [isRunning, error, answers, pending] = [true, "", {}, []];
  draw();
  try {
    await agent.runAgent({ tools, ...options }, {
      onRunFinishedEvent({ outcome, pendingToolCallIds = [] }) {
        [pending, error] = [pendingToolCallIds, outcome === "cancelled" ? "The agent stopped before it was done." : ""];
      },
      // After Stop, the client reports an error of its own.
      onRunErrorEvent: ({ event }) => void (error = event.code === "abort" ? "" : event.message),
    });
  } catch (failure) {
    // A refusal has a sentence for the user. Any other failure is a connection that broke.
    error ||= failure.payload?.error?.message ?? "The connection to the agent was lost. Please try again.";
  }
  isRunning = false;
  const calls = agent.messages.flatMap(({ toolCalls = [] }) => toolCalls);
  for (const { id, function: call } of calls.filter((call) => pending.includes(call.id))) {
    const content = String(actions[call.name](JSON.parse(call.arguments)));
    agent.addMessage({ id: crypto.randomUUID(), role: "tool", toolCallId: id, content });
  }
  draw();
  if (pending.length > 0) await run();
}
// #endregion

function draw() {
  // A screen reader waits until a run has ended, and then reads what is new: so only that is changed in the page.
  [part("chat").ariaBusy, part("send").disabled, part("stop").disabled, part("error").textContent] = [isRunning, isRunning, !isRunning, error];
  const resultOf = (id) => agent.messages.filter(({ toolCallId }) => toolCallId === id).flatMap(({ content }) => content);
  const textOf = ({ id, function: call }) => [call.name, call.arguments, ...resultOf(id).map((part) => part.text ?? part.type ?? part)];
  const cards = agent.messages.flatMap(({ id, role, content, toolCalls = [] }) => [
    ...(content && ["user", "assistant"].includes(role) ? [[articleOf(id, role), content]] : []),
    ...toolCalls.map((call) => [articleOf(call.id, "tool"), textOf(call).join(" ")]),
  ]);
  for (const [article, text] of cards) if (article.textContent !== text) article.textContent = text;
  for (const article of [...part("chat").children]) if (!cards.some(([shown]) => shown === article)) article.remove();
  part("questions").replaceChildren(...agent.pendingInterrupts.filter(({ id }) => !isRunning && !(id in answers)).map(question));
}

function question({ id, message, responseSchema }) {
  const article = element("article", { className: "question", textContent: message });
  const choices = responseSchema?.properties?.approved ? { Approve: true, Deny: false } : { Cancel: undefined };
  for (const [textContent, approved] of Object.entries(choices)) {
    const entry = approved === undefined ? { status: "cancelled" } : { status: "resolved", payload: { approved } };
    article.append(" ", element("button", { textContent, onclick: () => answer(id, entry) }));
  }
  return article;
}

// #region answer
// Keeps an answer. Once every question has one, all are sent together.
function answer(id, entry) {
  if (isRunning || id in answers) return;
  answers[id] = entry;
  if (agent.pendingInterrupts.some((interrupt) => !(interrupt.id in answers))) return draw();
  run({ resume: buildResumeArray(agent.pendingInterrupts, answers) });
}
// #endregion

agent.subscribe({ onMessagesChanged: draw });
part("stop").onclick = () => agent.abortRun();
part("composer").onsubmit = (event) => {
  event.preventDefault();
  // #region send
  // A message in place of an answer: the agent goes on without it, and runs nothing that was asked about.
  agent.pendingInterrupts = [];
  agent.addMessage({ id: crypto.randomUUID(), role: "user", content: part("text").value });
  part("composer").reset();
  run();
  // #endregion
};
draw();
