import { type FormEvent } from "react";

import { useAnnouncement } from "../chat/announcements";
import { Card } from "./Card";
import { type AskProps, useOnce } from "./ask";

/** A question of a tool, as a form with a field for each member of its schema. Fields that are left empty are not sent. */
export function Question({ interrupt, onAnswer, onCancel }: AskProps) {
  const { isAnswered, once } = useOnce();
  useAnnouncement(`A question waits for your answer. ${interrupt.message ?? ""}`);
  const properties: Record<string, any> = interrupt.responseSchema?.properties ?? { answer: { type: "string" } };

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = [...new FormData(event.currentTarget)].filter(([, text]) => text !== "");
    const values = given.map(([name, text]) => [name, isNumeric(properties[name]) ? Number(text) : text]);
    once(() => onAnswer(Object.fromEntries(values)))();
  }

  return (
    <Card label="Question" className="ask">
      <p>{interrupt.message}</p>
      <form className="fields" onSubmit={submit}>
        {Object.entries(properties).map(([name, schema]) => (
          <label key={name}>
            {name.replaceAll("_", " ")}
            <input name={name} type={isNumeric(schema) ? "number" : "text"} step="any" title={schema.description} />
          </label>
        ))}
        <div className="actions">
          <button className="primary" disabled={isAnswered}>Answer</button>
          <button type="button" className="quiet" disabled={isAnswered} onClick={once(onCancel)}>Cancel</button>
        </div>
      </form>
    </Card>
  );
}

const isNumeric = (schema: any) => [schema?.type].flat().some((type) => type === "number" || type === "integer");
