import { Card } from "./Card";
import { NOT_FINISHED, useCallState } from "./isOver";

const STATUS = { complete: "Done", working: "Working", unfinished: NOT_FINISHED };

/** A call of a tool that has no card of its own. */
export function AnyTool({ name, parameters, result, ...call }: any) {
  const status = STATUS[useCallState({ result, ...call })];
  return (
    <Card label={`Tool ${name}`} title={name.replaceAll("_", " ")} status={status}>
      <details>
        <summary>Details</summary>
        <pre tabIndex={0}>
          {JSON.stringify(parameters, null, 2)}
          {"\n"}
          {typeof result === "string" ? result : JSON.stringify(result)}
        </pre>
      </details>
    </Card>
  );
}
