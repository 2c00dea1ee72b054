import { CopilotChatInput } from "@copilotkit/react-core/v2";
import type { ButtonHTMLAttributes, KeyboardEvent, MouseEvent } from "react";

/**
 * CopilotKit's button to send. During a run it has the icon of Stop as its child; it has no name of its own. The second press of
 * a double click on Send does not stop the run that the first one has started.
 */
export function SendButton({ onClick, ...props }: ButtonHTMLAttributes<HTMLButtonElement>) {
  const press = (event: MouseEvent<HTMLButtonElement>) => {
    if (event.detail < 2) onClick?.(event);
  };
  return <CopilotChatInput.SendButton {...props} onClick={press} aria-label={props.children ? "Stop" : "Send"} />;
}

/** Keeps Enter in an empty field from CopilotKit, for which it is Stop: a second Enter would cut the answer off. */
export function ignoreEmptyEnter(event: KeyboardEvent) {
  const field = event.target;
  if (event.key !== "Enter" || !(field instanceof HTMLTextAreaElement)) return;
  if (field.getAttribute("aria-label") !== "Message" || field.value.trim() !== "") return;
  event.preventDefault();
  event.stopPropagation();
}
