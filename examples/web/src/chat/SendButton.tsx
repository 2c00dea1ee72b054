import { CopilotChatInput } from "@copilotkit/react-core/v2";
import type { ButtonHTMLAttributes } from "react";

/** CopilotKit's button to send. During a run it has the icon of Stop as its child; it has no name of its own. */
export function SendButton(props: ButtonHTMLAttributes<HTMLButtonElement>) {
  return <CopilotChatInput.SendButton {...props} aria-label={props.children ? "Stop" : "Send"} />;
}
