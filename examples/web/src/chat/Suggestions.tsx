import { useAgent, useConfigureSuggestions, useCopilotKit } from "@copilotkit/react-core/v2";
import { useEffect } from "react";

/** The messages that a page suggests, as long as its conversation is empty. */
export function Suggestions({ messages, agentId }: { messages: string[]; agentId: string }) {
  const { agent } = useAgent();
  const { copilotkit } = useCopilotKit();
  const hasBegun = agent.messages.length > 0;
  useConfigureSuggestions({
    available: "before-first-message",
    suggestions: messages.map((message) => ({ title: message, message })),
  });

  useEffect(() => {
    // CopilotKit takes them away when a run begins, but not when a reload brings a conversation back.
    if (hasBegun) copilotkit.clearSuggestions(agentId);
  }, [copilotkit, agentId, hasBegun]);
  return null;
}
