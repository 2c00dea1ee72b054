import { Card } from "./Card";

/** A search whose result is a surface. CopilotKit renders the surface itself, so this card is shown only until then. */
export function Search({ status }: any) {
  if (status === "complete") return null;
  return <Card label="Search" title="Searching" status="One moment" />;
}
