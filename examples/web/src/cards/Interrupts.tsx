import { type Interrupt, useAgent, useInterrupt } from "@copilotkit/react-core/v2";

import { Approval } from "./Approval";
import { Meeting } from "./Meeting";
import { Question } from "./Question";

/** What the agent waits for: the approval of a call, or the answer to a question. */
export function Interrupts() {
  const { agent } = useAgent();
  const calls = agent.messages.flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []));

  // #region interrupts
  useInterrupt({
    render: ({ interrupts, resolve, cancel }) => (
      <>
        {interrupts.map((interrupt) => {
          const Ask = cardFor(interrupt);
          return (
            <Ask
              key={interrupt.id}
              interrupt={interrupt}
              call={calls.find((call) => call.id === interrupt.toolCallId)}
              onAnswer={(payload) => resolve(payload, interrupt.id)}
              onCancel={() => cancel(interrupt.id)}
            />
          );
        })}
      </>
    ),
  });
  // #endregion
  return null;
}

function cardFor(interrupt: Interrupt) {
  if (interrupt.reason === "tool_call") return Approval;
  return "chosen_time" in (interrupt.responseSchema?.properties ?? {}) ? Meeting : Question;
}
