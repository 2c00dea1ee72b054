import type { Interrupt, ToolCall } from "@copilotkit/react-core/v2";
import { useRef, useState } from "react";

/** What a card needs that asks the person something. */
export interface AskProps {
  interrupt: Interrupt;
  /** The call that waits. */
  call: ToolCall | undefined;
  onAnswer: (payload: unknown) => void;
  onCancel: () => void;
}

/** Lets only the first answer through, so that a double press answers once, even before the page has drawn the first press. */
export function useOnce() {
  const [isAnswered, setAnswered] = useState(false);
  const isSent = useRef(false);
  const once = (answer: () => void) => () => {
    if (isSent.current) return;
    isSent.current = true;
    setAnswered(true);
    answer();
    // The card goes away, and the focus would go with it.
    document.querySelector<HTMLElement>("textarea[aria-label=Message]")?.focus();
  };
  return { isAnswered, once };
}
