import { useState } from "react";

import { useAnnouncement } from "../chat/announcements";
import { Card } from "./Card";
import { type AskProps, useOnce } from "./ask";

type Values = Record<string, unknown>;

/** A call that waits for approval. If the tool allows it, the person may change its arguments first. */
export function Approval({ interrupt, call, onAnswer, onCancel }: AskProps) {
  const { isAnswered, once } = useOnce();
  const [edited, setEdited] = useState<Values>();
  const args = argumentsOf(call?.function.arguments);
  const isEditable = "editedArgs" in (interrupt.responseSchema?.properties ?? {});
  const isIncomplete = Object.values(edited ?? {}).some(Number.isNaN);
  const question = interrupt.message ?? "The agent asks for your approval.";
  useAnnouncement(`A call waits for your approval. ${question}`);
  // #region payload
  const approve = () => onAnswer(edited === undefined ? { approved: true } : { approved: true, editedArgs: edited });
  // #endregion
  return (
    <Card label="Approval" className="ask">
      <p>{question}</p>
      {edited === undefined ? <Arguments values={args} /> : <Fields first={args} values={edited} onChange={setEdited} />}
      <div className="actions">
        <button className="primary" disabled={isAnswered || isIncomplete} onClick={once(approve)}>Approve</button>
        {isEditable && edited === undefined && <button disabled={isAnswered} onClick={() => setEdited(args)}>Edit</button>}
        <button disabled={isAnswered} onClick={once(() => onAnswer({ approved: false }))}>Deny</button>
        <button className="quiet" disabled={isAnswered} onClick={once(onCancel)}>Cancel</button>
      </div>
    </Card>
  );
}

function Arguments({ values }: { values: Values }) {
  return (
    <dl>
      {Object.entries(values).map(([name, value]) => (
        <div key={name}><dt>{words(name)}</dt><dd>{text(value)}</dd></div>
      ))}
    </dl>
  );
}

/** A field for each argument. Numbers stay numbers; arguments that are neither number nor text cannot be edited here. */
function Fields({ first, values, onChange }: { first: Values; values: Values; onChange: (values: Values) => void }) {
  return (
    <div className="fields">
      {Object.entries(first).map(([name, value], index) => {
        const isNumber = typeof value === "number";
        return (
          <label key={name}>
            {words(name)}
            <input
              type={isNumber ? "number" : "text"}
              step="any"
              // The button that was pressed is gone, and the focus would go with it.
              autoFocus={index === 0}
              defaultValue={text(value)}
              readOnly={!isNumber && typeof value !== "string"}
              onChange={(event) => onChange({ ...values, [name]: isNumber ? event.target.valueAsNumber : event.target.value })}
            />
          </label>
        );
      })}
    </div>
  );
}

const words = (name: string) => name.replaceAll("_", " ");
const text = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** The arguments of a call; nothing if they are incomplete. The message of the card says what is asked in either case. */
function argumentsOf(json: string | undefined): Values {
  try {
    return Object(JSON.parse(json ?? "{}"));
  } catch {
    return {};
  }
}
