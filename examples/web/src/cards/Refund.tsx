import { Card } from "./Card";
import { Unconfirmed } from "./Unconfirmed";
import { parseResult } from "./result";
import { NOT_FINISHED, useCallState, useIsOver } from "./isOver";

/** A refund: what was asked for and, in the end, what the tool has returned. */
export function Refund({ toolCallId, parameters, status, result }: any) {
  const state = useCallState({ toolCallId, status, result });
  const isOver = useIsOver(toolCallId);
  const { order_id: order = "…", amount } = parameters ?? {};
  const label = `Refund of order ${order}`;
  if (state === "unfinished") return <Card label={label} title={label} status={NOT_FINISHED} />;
  if (state === "working") return <Card label={label} title={label} status={`${amount ?? ""}`} />;
  const outcome = parseResult(result);
  if (outcome.status === "refunded") {
    return (
      <Card label={label} title={label} status="Refunded" className="done">
        <p>{outcome.amount} was paid back.</p>
      </Card>
    );
  }
  if (outcome.approved === true) return <Unconfirmed label={label} answer="Approved" isOver={isOver} />;
  return (
    <Card label={label} title={label} status="Not refunded">
      <p>{reason(outcome)}</p>
    </Card>
  );
}

function reason(outcome: Record<string, any>): string {
  if (outcome.approved === false) return "You denied it.";
  if (outcome.status === "cancelled") return "You gave no answer.";
  return outcome.error ?? outcome.text ?? "The agent did not say why.";
}
