import { useAgent } from "@copilotkit/react-core/v2";
import { useEffect } from "react";

/**
 * A member of the agent's state that the person changes, too. It is locked while the agent works, and until the agent's state has
 * it: what is typed before CopilotKit has connected the thread would be lost, since connecting empties the state.
 */
export function useSharedState<Value>(name: string, first: Value) {
  const { agent, isReady } = useAgent();
  const value: Value | undefined = agent.state?.[name];
  const isMissing = isReady && !agent.isRunning && value === undefined;

  useEffect(() => {
    if (isMissing && agent.state?.[name] === undefined) agent.setState({ ...agent.state, [name]: first });
  }, [agent, isMissing, name, first]);

  return {
    agent,
    isReady,
    isLocked: !isReady || agent.isRunning || value === undefined,
    value: value ?? first,
    change: (next: Value) => agent.setState({ ...agent.state, [name]: next }),
  };
}
