// Turns the `*_CHUNK` events into the START, CONTENT and END events that they stand for.
//
// Each subagent, and the agent itself, can have one stream of chunks open: its lane. A chunk may leave out
// the id when it continues what its lane has open.
//
// Source: @ag-ui/client 1.0.0, `chunks/transform.ts`.

const KINDS = {
  TEXT_MESSAGE_CHUNK: { start: "TEXT_MESSAGE_START", content: "TEXT_MESSAGE_CONTENT", end: "TEXT_MESSAGE_END", id: "messageId" },
  TOOL_CALL_CHUNK: { start: "TOOL_CALL_START", content: "TOOL_CALL_ARGS", end: "TOOL_CALL_END", id: "toolCallId" },
  REASONING_MESSAGE_CHUNK: {
    start: "REASONING_MESSAGE_START",
    content: "REASONING_MESSAGE_CONTENT",
    end: "REASONING_MESSAGE_END",
    id: "messageId",
  },
};
const CLOSES_NOTHING = /^(RAW|ACTIVITY_.*|REASONING_ENCRYPTED_VALUE|SUBAGENT_STARTED)$/;
const CLOSES_ALL = /^(RUN_STARTED|RUN_FINISHED|RUN_ERROR|MESSAGES_SNAPSHOT)$/;

/** Returns a function that expands one event to the events that it stands for. It throws if a chunk continues nothing. */
export function createChunkExpander() {
  const lanes = new Map();

  function close(lane) {
    const open = lanes.get(lane);
    if (open === undefined) return [];
    lanes.delete(lane);
    return [{ type: open.kind.end, [open.kind.id]: open.id, ...attribution(lane) }];
  }

  function expandChunk(event, kind) {
    const { type: _, delta, ...fields } = event;
    const lane = laneOf(event, kind);
    const id = event[kind.id];
    const open = lanes.get(lane);
    const events = [];
    let current = open?.kind === kind && (id === undefined || id === open.id) ? open : undefined;
    if (current === undefined) {
      if (id === undefined) throw new Error(`${event.type} has no ${kind.id}, and nothing is open that it continues`);
      if (event.type === "TOOL_CALL_CHUNK" && event.toolCallName === undefined) {
        throw new Error("the first TOOL_CALL_CHUNK of a call has no toolCallName");
      }
      current = { kind, id };
      events.push(...close(lane), { type: kind.start, ...fields });
      lanes.set(lane, current);
    }
    if (delta !== undefined) {
      const { metadata } = event;
      events.push({ type: kind.content, [kind.id]: current.id, delta, ...(metadata && { metadata }), ...attribution(lane) });
    }
    return events;
  }

  function laneOf(event, kind) {
    const { subagentRunId } = event;
    const id = event[kind.id];
    for (const [lane, open] of lanes) {
      if (id !== undefined && open.kind === kind && open.id === id) return lane;
    }
    if (id !== undefined || subagentRunId !== undefined) return subagentRunId;
    if (lanes.get(undefined)?.kind === kind) return undefined;
    const candidates = [...lanes].filter(([, open]) => open.kind === kind);
    return candidates.length === 1 ? candidates[0][0] : undefined;
  }

  return function expand(event) {
    const kind = Object.hasOwn(KINDS, event.type) ? KINDS[event.type] : undefined;
    if (kind !== undefined) return expandChunk(event, kind);
    if (CLOSES_ALL.test(event.type)) return [...[...lanes.keys()].flatMap(close), event];
    if (CLOSES_NOTHING.test(event.type)) return [event];
    return [...close(event.subagentRunId), event];
  };
}

function attribution(lane) {
  return lane === undefined ? {} : { subagentRunId: lane };
}
