import { useAgent } from "@copilotkit/react-core/v2";
import { createContext, useContext } from "react";

import { parseResult } from "./result";

const IsOver = createContext((_: string): boolean => false);

/**
 * Lets cards find out whether their run is over. A card cannot do so by itself: a run tells its end only to those who have
 * subscribed before it began, and a card appears while it goes on.
 */
export function IsOverProvider({ children }: { children: React.ReactNode }) {
  const { agent } = useAgent();
  const { isRunning, messages, pendingInterrupts } = agent;

  function isOver(id: string): boolean {
    const isAnswered = messages.some((message) => message.role === "tool" && message.toolCallId === id);
    if (!isAnswered && pendingInterrupts.some(({ toolCallId }) => toolCallId === id)) return false;
    if (!isRunning) return true;
    const place = messages.findIndex(
      (message) => message.id === id || (message.role === "assistant" && message.toolCalls?.some((call) => call.id === id)),
    );
    return messages.slice(place + 1).some(({ role }) => role === "user");
  }

  return <IsOver value={isOver}>{children}</IsOver>;
}

/**
 * Whether nobody works on a call or an activity any more: its run is over and does not wait for the person, or the person has
 * written again since. A call without a result gets none after that. `id` is the id of the call, or of the activity's message.
 */
export function useIsOver(id: string): boolean {
  return useContext(IsOver)(id);
}

/** What a card says of a call that is `unfinished`. */
export const NOT_FINISHED = "Not finished";

/** Whether a call has its result, is still worked on or waits for the person, or has ended without a result. */
export function useCallState({ toolCallId, status, result }: any): "complete" | "working" | "unfinished" {
  const isOver = useIsOver(toolCallId);
  if (status === "complete") return isMadeUp(parseResult(result)) ? "unfinished" : "complete";
  // A tool of the page is executed after the run that has called it.
  return isOver && status !== "executing" ? "unfinished" : "working";
}

/**
 * Whether a result is not the tool's. CopilotKit's runtime writes one for each open call of a run that was stopped or broke off, and
 * its client for a call of the page whose arguments are incomplete, which it executes after a reload.
 */
function isMadeUp({ status, reason, text }: Record<string, any>): boolean {
  if (text?.startsWith("Error: ")) return true;
  return (status === "stopped" && reason === "stop_requested") || (status === "error" && reason === "missing_terminal_event");
}
