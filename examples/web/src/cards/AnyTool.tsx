import { Card } from "./Card";

/** A call of a tool that has no card of its own. */
export function AnyTool({ name, parameters, status, result }: any) {
  return (
    <Card label={`Tool ${name}`} title={name.replaceAll("_", " ")} status={status === "complete" ? "Done" : "Working"}>
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
