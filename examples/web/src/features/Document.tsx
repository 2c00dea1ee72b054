import { useHumanInTheLoop } from "@copilotkit/react-core/v2";
import { useEffect, useRef } from "react";
import { z } from "zod";

import { Card } from "../cards/Card";
import { useAnnouncement } from "../chat/announcements";
import { useOnce } from "../cards/ask";
import { parseResult } from "../cards/result";
import { NOT_FINISHED, useCallState } from "../cards/isOver";
import { useSharedState } from "./useSharedState";

/**
 * Predictive state: the agent shows the argument `document` of the call in its state while the model still writes it. When it is
 * complete, the person keeps the text or takes it back.
 */
export function DocumentPanel() {
  const { agent, isReady, isLocked, value: document, change } = useSharedState("document", "");
  const before = useRef("");

  useEffect(() => {
    const { unsubscribe } = agent.subscribe({
      // The runtime adds the input to the event. After a reload it repeats the runs, so that this is known again.
      onRunStartedEvent: ({ event }) => {
        before.current = event.input?.state?.document ?? "";
      },
    });
    return unsubscribe;
  }, [agent]);

  useHumanInTheLoop(
    {
      name: "write_document",
      description: "Writes a document, in place of the one that is shown. Always write the complete document.",
      parameters: z.object({ document: z.string().describe("The complete text, in Markdown.") }),
      render: (call: any) => (
        <Draft
          call={call}
          respond={call.status === "executing" ? call.respond : undefined}
          onReject={() => change(before.current)}
        />
      ),
    },
    // The agent is a stand-in until the runtime has answered. Without this the card would change the state of the stand-in.
    [isReady],
  );

  return (
    <section className="panel document" aria-label="Document">
      <textarea
        aria-label="Text of the document"
        placeholder="The document is empty. Ask the agent for a text, or write here."
        value={document}
        readOnly={isLocked}
        onChange={(event) => change(event.target.value)}
      />
    </section>
  );
}

interface DraftProps {
  call: any;
  respond?: (value: unknown) => void;
  onReject: () => void;
}

function Draft({ call, respond, onReject }: DraftProps) {
  const state = useCallState(call);
  const { isAnswered, once } = useOnce();
  useAnnouncement(respond === undefined ? "" : "The document is written. Keep these changes?");
  if (state === "complete") {
    return <Card label="Changes" title="The document" status={parseResult(call.result).accepted ? "Kept" : "Taken back"} />;
  }
  if (respond === undefined) return <Card label="Changes" title="The document" status={state === "unfinished" ? NOT_FINISHED : "Being written"} />;
  function reject() {
    onReject();
    respond!({ accepted: false });
  }
  return (
    <Card label="Changes" className="ask">
      <p>Keep these changes?</p>
      <div className="actions">
        <button className="primary" disabled={isAnswered} onClick={once(() => respond({ accepted: true }))}>Confirm</button>
        <button disabled={isAnswered} onClick={once(reject)}>Reject</button>
      </div>
    </Card>
  );
}
