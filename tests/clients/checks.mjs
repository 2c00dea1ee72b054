// What every scenario may want to know of a run and of what the client made of it.

/** The run ended in success, and the client names exactly these calls as pending. */
export function endedIn({ check, spokenVersion }, run, pending) {
  check(run.outcome === "success", `the client saw outcome ${run.outcome}`);
  // The 0.x client knows no pending calls.
  if (spokenVersion !== "1.0") return;
  const seen = JSON.stringify(run.pendingToolCallIds);
  check(seen === JSON.stringify(pending), `the client saw pendingToolCallIds ${seen}`);
}

/** The client's history, each message by role and calls, has this order; the last text is not empty. */
export function historyIs({ check, messages }, expected) {
  // A model may reason before each of its messages.
  const spoken = messages().filter(({ role }) => role !== "reasoning");
  const brief = spoken.map(({ role, toolCalls, toolCallId }) => {
    if (toolCalls?.length) return `${role}[${toolCalls.map(({ id }) => id)}]`;
    return toolCallId === undefined ? role : `${role}(${toolCallId})`;
  });
  check(JSON.stringify(brief) === JSON.stringify(expected), `history is ${brief.join(" ")}, not ${expected.join(" ")}`);
  const ids = messages().map(({ id }) => id);
  check(new Set(ids).size === ids.length, `message ids are not unique: ${ids}`);
  if (expected.at(-1) === "assistant") check(Boolean(messages().at(-1)?.content), "the final text is empty");
}
