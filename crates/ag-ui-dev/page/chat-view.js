// The conversation as a list that grows: messages, and the notes between them.

import { onNextFrame, reconcile } from "./dom.js";
import { createMessageView, createNoteView } from "./message-view.js";
import { resultOf } from "./thread.js";

/** Shows the conversation in `list`, with `empty` in its place while there is nothing to show. */
export function createChatView({ list, empty, conversation }) {
  const views = new Map();
  const scroller = list.parentElement;
  // The end stays in view until the user scrolls up, also when the forms below need some of the space.
  let isPinned = true;
  const scrollToEnd = () => {
    if (isPinned && empty.hidden) scroller.scrollTop = scroller.scrollHeight;
  };
  scroller.addEventListener("scroll", () => {
    isPinned = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  });
  new ResizeObserver(scrollToEnd).observe(scroller);
  const create = (item) => (item.note ? createNoteView(item, () => conversation.retry()) : createMessageView(item));

  const render = onNextFrame(() => {
    const items = itemsOf(conversation);
    reconcile(list, views, items, create);
    empty.hidden = items.length > 0;
    list.hidden = items.length === 0;
    // While it streams, a screen reader waits for the end.
    list.setAttribute("aria-busy", String(conversation.isRunning));
    scrollToEnd();
  });
  conversation.addEventListener("change", render);
  return { render };
}

function itemsOf(conversation) {
  const { thread, notes, isRunning } = conversation;
  const calls = new Set(thread.messages.flatMap(({ toolCalls = [] }) => toolCalls.map(({ id }) => id)));
  const subagents = new Map(notes.filter(({ kind }) => kind === "subagent").map(({ name, title }) => [name, title]));
  const ids = new Set(thread.messages.map(({ id }) => id));
  const last = thread.messages.at(-1);
  const noteItem = (note) => ({ key: `note ${note.id}`, note, canRetry: conversation.canRetry && note === notes.at(-1) });
  const isOrphan = ({ after }) => !ids.has(after);

  const items = notes.filter((note) => note.after === undefined).map(noteItem);
  for (const message of thread.messages) {
    const isShown = message.role !== "tool" || !calls.has(message.toolCallId);
    if (isShown) {
      items.push({
        key: `${message.role} ${message.id}`,
        message,
        calls: (message.toolCalls ?? []).map((call) => callItem(call, conversation)),
        isStreaming: isRunning && message === last,
        subagent: subagents.get(message.subagentRunId) ?? message.subagentRunId,
      });
    }
    items.push(...notes.filter(({ after }) => after === message.id).map(noteItem));
  }
  // A snapshot of the messages may have removed the message that a note follows.
  return [...items, ...notes.filter((note) => note.after !== undefined && isOrphan(note)).map(noteItem)];
}

function callItem(call, { thread, isRunning }) {
  const isOpen = thread.pendingCalls.includes(call.id) || thread.interrupts.some(({ toolCallId }) => toolCallId === call.id);
  const isStarted = isRunning && thread.startedCalls.includes(call.id);
  return {
    key: call.id,
    call,
    result: resultOf(thread, call.id),
    times: thread.callTimes[call.id],
    status: isOpen && !isRunning ? "waiting" : isStarted || (isOpen && isRunning) ? "running" : "ended",
  };
}
