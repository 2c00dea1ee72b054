import { useAgent } from "@copilotkit/react-core/v2";
import { useEffect } from "react";

import { useErrors } from "./errors";

/** Keeps a conversation usable after a run that failed, and after a question that nobody answered. */
export function useRunEnds(thread: string) {
  const { agent } = useAgent({ updates: [] });
  const { clear } = useErrors();

  useEffect(() => {
    // The agent's object is the same in all conversations. A question of another one is not open here.
    agent.pendingInterrupts = [];
    // #region run-ends
    // A message in place of an answer: the call that waited does not run, and the agent reads that it had no answer. Emptied in
    // onNewMessage, the list would be empty too late: a run does not wait for these subscribers.
    const { runAgent } = agent;
    agent.runAgent = (parameters, subscriber) => {
      if (parameters?.resume === undefined) agent.pendingInterrupts = [];
      return runAgent.call(agent, parameters, subscriber);
    };
    const { unsubscribe } = agent.subscribe({
      onRunInitialized: clear,
      // After a reload the runs of the conversation are repeated: an error counts only if the last one has failed.
      onRunStartedEvent: clear,
      // @ag-ui/client 0.0.59 keeps the interrupts of the run before, and refuses to send anything that does not answer them. If
      // the run that answers fails, its card is gone and nobody can answer any more: the conversation could never go on.
      onRunFailed: ({ agent }) => {
        agent.pendingInterrupts = [];
      },
    });
    // #endregion
    return () => {
      agent.runAgent = runAgent;
      unsubscribe();
    };
  }, [agent, thread, clear]);
}
