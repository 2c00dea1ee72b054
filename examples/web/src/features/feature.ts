import type { CopilotChatProps } from "@copilotkit/react-core/v2";
import type { ComponentType } from "react";

/** A page of the application. */
export interface Feature {
  /** The path of the page. */
  id: string;
  title: string;
  /** One line that says what to try. */
  hint: string;
  /** Messages to begin with. */
  suggestions: string[];
  /** Registers what only this page offers to the agent. It renders nothing. */
  Tools?: ComponentType;
  /** The part of the page that the agent changes, beside the chat. */
  Panel?: ComponentType;
  /** Which agent of the runtime answers; `default` if it is not set. */
  agentId?: string;
  attachments?: CopilotChatProps["attachments"];
}
