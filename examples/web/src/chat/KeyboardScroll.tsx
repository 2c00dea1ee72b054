import { useAgent } from "@copilotkit/react-core/v2";
import { useEffect } from "react";

/** Lets the keyboard scroll the conversation: CopilotKit's element that scrolls cannot take the focus by itself. */
export function KeyboardScroll() {
  const { agent } = useAgent();

  useEffect(() => {
    let element = document.querySelector<HTMLElement>("[data-testid=copilot-scroll-content]");
    while (element !== null && !/auto|scroll/.test(getComputedStyle(element).overflowY)) element = element.parentElement;
    element?.setAttribute("tabindex", "0");
  }, [agent.messages.length]);
  return null;
}
