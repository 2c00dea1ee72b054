import { Card } from "./Card";

/**
 * A call whose question the person has answered. CopilotKit writes the answer where the result belongs, until the agent replaces
 * it by what the tool returned: if the run ends without that, nobody knows here what has happened.
 */
export function Unconfirmed({ label, answer, isOver }: { label: string; answer: string; isOver: boolean }) {
  if (!isOver) return <Card label={label} title={label} status={answer} />;
  return (
    <Card label={label} title={label} status="Not confirmed">
      <p>The agent has not said whether it is done. Check before you ask again.</p>
    </Card>
  );
}
