import { Card } from "./Card";
import { NOT_FINISHED, useCallState } from "./isOver";

/** A search whose result is a surface. CopilotKit renders the surface itself, so this card is shown only until then. */
export function Search(call: any) {
  const state = useCallState(call);
  if (state === "complete") return null;
  return <Card label="Search" title="Search" status={state === "unfinished" ? NOT_FINISHED : "One moment"} />;
}
