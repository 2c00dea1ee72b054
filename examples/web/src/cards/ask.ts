import type { Interrupt, ToolCall } from "@copilotkit/react-core/v2";
import { useState } from "react";

/** What a card needs that asks the person something. */
export interface AskProps {
  interrupt: Interrupt;
  /** The call that waits. */
  call: ToolCall | undefined;
  onAnswer: (payload: unknown) => void;
  onCancel: () => void;
}

/** Lets only the first answer through, so that a double press answers once. */
export function useOnce() {
  const [isAnswered, setAnswered] = useState(false);
  const once = (answer: () => void) => () => {
    if (isAnswered) return;
    setAnswered(true);
    answer();
    // The card goes away, and the focus would go with it.
    document.querySelector<HTMLElement>("textarea[aria-label=Message]")?.focus();
  };
  return { isAnswered, once };
}
