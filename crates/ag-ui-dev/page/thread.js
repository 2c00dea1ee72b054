// A thread as the client keeps it: the messages and the state, built from the events of its runs.
//
// What is kept goes back to the server with the next run, so everything that the server sent with a message
// stays on it: `metadata`, `encryptedValue`, members that this page does not know. Nothing else is added to a message.
//
// Source: @ag-ui/client 1.0.0, `apply/default.ts`.

import { applyPatch } from "./patch.js";

/** An empty thread. */
export function createThread(threadId) {
  return {
    threadId,
    messages: [],
    state: {},
    /** Interrupts of the last run that have no answer yet. */
    interrupts: [],
    /** Ids of the calls that wait for a result of this page. */
    pendingCalls: [],
    /** Of each call: when it was started, and when its result arrived, in milliseconds. */
    callTimes: {},
    /** Calls that the current run has started, and when it began. */
    startedCalls: [],
    runStarted: undefined,
  };
}

/** Applies one event, whose chunks are expanded. Returns a sentence if the event could not be applied, else nothing. */
export function applyEvent(thread, event, now = Date.now()) {
  return Object.hasOwn(handlers, event.type) ? handlers[event.type](thread, event, now) : undefined;
}

/** The messages that a run sends: all but activities, which are only shown. */
export function messagesToSend(thread) {
  return thread.messages.filter(({ role }) => role !== "activity");
}

/** The call with this id, and the message that holds it. */
export function findCall(thread, toolCallId) {
  for (const message of thread.messages) {
    const call = message.toolCalls?.find(({ id }) => id === toolCallId);
    if (call !== undefined) return { call, message };
  }
  return undefined;
}

/** The result of a call, if there is one. */
export function resultOf(thread, toolCallId) {
  return thread.messages.find((message) => message.role === "tool" && message.toolCallId === toolCallId);
}

/** Puts a tool's result behind the message that made the call and behind the results that are there. */
export function insertResult(thread, result) {
  const { messages } = thread;
  const owner = messages.findIndex(({ toolCalls }) => toolCalls?.some(({ id }) => id === result.toolCallId));
  let at = owner < 0 ? messages.length : owner + 1;
  while (owner >= 0 && messages[at]?.role === "tool") at += 1;
  messages.splice(at, 0, result);
}

const handlers = {
  RUN_STARTED(thread, { input }, now) {
    thread.startedCalls = [];
    thread.runStarted = now;
    for (const message of input?.messages ?? []) {
      if (find(thread, message.id) === undefined) thread.messages.push(message);
    }
  },

  RUN_FINISHED(thread, { outcome }) {
    thread.interrupts = outcome?.type === "interrupt" ? outcome.interrupts : [];
    const interrupted = new Set(thread.interrupts.map(({ toolCallId }) => toolCallId));
    const named = outcome?.type === "success" ? (outcome.pendingToolCallIds ?? []) : [];
    const pending = named.length > 0 ? named : thread.startedCalls;
    const isOpen = (id) => !interrupted.has(id) && findCall(thread, id) && !resultOf(thread, id);
    thread.pendingCalls = outcome?.type === "cancelled" ? [] : pending.filter(isOpen);
  },

  TEXT_MESSAGE_START(thread, event) {
    return open(thread, event, { id: event.messageId, role: event.role ?? "assistant", content: "", ...named(event) });
  },
  TEXT_MESSAGE_CONTENT: append,
  TEXT_MESSAGE_END: close,

  REASONING_MESSAGE_START(thread, event) {
    return open(thread, event, { id: event.messageId, role: "reasoning", content: "" });
  },
  REASONING_MESSAGE_CONTENT: append,
  REASONING_MESSAGE_END: close,

  REASONING_ENCRYPTED_VALUE(thread, { subtype, entityId, encryptedValue }) {
    const entity = subtype === "tool-call" ? findCall(thread, entityId)?.call : find(thread, entityId);
    if (entity === undefined || entity.role === "activity") return `there is no ${subtype} ${entityId}`;
    entity.encryptedValue = encryptedValue;
  },

  TOOL_CALL_START(thread, event, now) {
    const { toolCallId, toolCallName } = event;
    if (!thread.startedCalls.includes(toolCallId)) thread.startedCalls.push(toolCallId);
    // If the same start arrives twice, the arguments are kept and there is no second call.
    let call = findCall(thread, toolCallId)?.call;
    if (call === undefined) {
      call = { id: toolCallId, type: "function", function: { name: toolCallName, arguments: "" } };
      const owner = messageForCall(thread, event);
      owner.toolCalls = [...(owner.toolCalls ?? []), call];
      thread.callTimes[toolCallId] = { started: now };
    }
    call.function.name = toolCallName;
    mergeMetadata(call, event);
  },

  TOOL_CALL_ARGS(thread, event) {
    const call = findCall(thread, event.toolCallId)?.call;
    if (call === undefined) return `there is no call ${event.toolCallId}`;
    call.function.arguments += event.delta;
    mergeMetadata(call, event);
  },

  TOOL_CALL_END(thread, event) {
    const call = findCall(thread, event.toolCallId)?.call;
    if (call === undefined) return `there is no call ${event.toolCallId}`;
    mergeMetadata(call, event);
  },

  TOOL_CALL_RESULT(thread, event, now) {
    const { messageId, toolCallId, content } = event;
    const result = { id: messageId, role: "tool", toolCallId, content, ...attributed(event) };
    mergeMetadata(result, event);
    insertResult(thread, result);
    // A call of an earlier run is timed from the start of this run, without the time that a person took to answer.
    const started = thread.startedCalls.includes(toolCallId) ? thread.callTimes[toolCallId]?.started : thread.runStarted;
    thread.callTimes[toolCallId] = { started, finished: now };
  },

  STATE_SNAPSHOT(thread, { snapshot }) {
    thread.state = snapshot;
  },

  STATE_DELTA(thread, { delta }) {
    try {
      thread.state = applyPatch(thread.state, delta);
    } catch (error) {
      return `the state was not changed: ${error.message}`;
    }
  },

  MESSAGES_SNAPSHOT(thread, { messages }) {
    const snapshot = new Map(messages.map((message) => [message.id, withoutNullOwner(message)]));
    const has = (role) => messages.some((message) => message.role === role);
    // Activities and reasoning may be unknown to the server; then they stay.
    const isKept = ({ role }) => (role === "activity" || role === "reasoning") && !has(role);
    const kept = thread.messages.filter((message) => snapshot.has(message.id) || isKept(message));
    const ids = new Set(kept.map(({ id }) => id));
    thread.messages = [
      ...kept.map((message) => snapshot.get(message.id) ?? message),
      ...[...snapshot.values()].filter(({ id }) => !ids.has(id)),
    ];
  },

  ACTIVITY_SNAPSHOT(thread, event) {
    const { messageId, activityType, content, replace = true } = event;
    const index = thread.messages.findIndex(({ id }) => id === messageId);
    const existing = thread.messages[index];
    if (existing !== undefined && !replace) {
      mergeMetadata(existing, event);
      return;
    }
    const metadata = existing?.role === "activity" ? existing.metadata : undefined;
    const activity = { id: messageId, role: "activity", activityType, content, ...attributed(event), ...(metadata && { metadata }) };
    mergeMetadata(activity, event);
    if (index < 0) thread.messages.push(activity);
    else thread.messages[index] = activity;
  },

  ACTIVITY_DELTA(thread, event) {
    const activity = find(thread, event.messageId);
    if (activity?.role !== "activity") return `there is no activity ${event.messageId}`;
    mergeMetadata(activity, event);
    try {
      activity.content = applyPatch(activity.content, event.patch);
      activity.activityType = event.activityType;
    } catch (error) {
      return `the activity was not changed: ${error.message}`;
    }
  },
};

function open(thread, event, created) {
  let message = find(thread, event.messageId);
  if (message?.role === "activity") return `${event.messageId} is an activity, which takes no text`;
  if (message === undefined) {
    message = { ...created, ...attributed(event) };
    thread.messages.push(message);
  }
  mergeMetadata(message, event);
}

function append(thread, event) {
  const message = find(thread, event.messageId);
  if (message === undefined) return `there is no message ${event.messageId}`;
  if (message.role === "activity") return `${event.messageId} is an activity, which takes no text`;
  message.content = (typeof message.content === "string" ? message.content : "") + event.delta;
  mergeMetadata(message, event);
}

function close(thread, event) {
  const message = find(thread, event.messageId);
  if (message === undefined) return `there is no message ${event.messageId}`;
  mergeMetadata(message, event);
}

function messageForCall(thread, event) {
  const { parentMessageId, toolCallId } = event;
  const parent = parentMessageId === undefined ? undefined : find(thread, parentMessageId);
  if (parent?.role === "assistant") return parent;
  const id = parentMessageId === undefined || parent !== undefined ? toolCallId : parentMessageId;
  const message = { id, role: "assistant", ...attributed(event) };
  thread.messages.push(message);
  return message;
}

function find(thread, id) {
  return thread.messages.find((message) => message.id === id);
}

function named({ name }) {
  return name === undefined ? {} : { name };
}

function attributed({ subagentRunId }) {
  return subagentRunId == null ? {} : { subagentRunId };
}

function withoutNullOwner(message) {
  if (message.subagentRunId !== null) return message;
  const { subagentRunId: _, ...rest } = message;
  return rest;
}

/** Merges metadata key by key; the last value of a key counts. */
function mergeMetadata(target, { metadata }) {
  if (metadata !== undefined) target.metadata = { ...target.metadata, ...structuredClone(metadata) };
}
