import { createContext, useCallback, useContext, useState } from "react";

import { sentenceOf } from "./sentence";

/** What went wrong in the conversation that is open. CopilotKit shows nothing by itself: without this, the chat stays silent. */
const Errors = createContext({ sentence: "", report: (_: Failure) => {}, clear: () => {} });

interface Failure {
  error: Error;
  /** What kind of error it is, for CopilotKit. */
  code?: string;
}

export const useErrors = () => useContext(Errors);

export function ErrorsProvider({ children }: { children: React.ReactNode }) {
  const [sentence, setSentence] = useState("");
  const report = useCallback(({ error, code }: Failure) => {
    // After a reload CopilotKit executes calls of the page whose run was stopped. Their cards say that they are not finished.
    if (code !== "tool_argument_parse_failed") setSentence(sentenceOf(error));
  }, []);
  const clear = useCallback(() => setSentence(""), []);
  return <Errors value={{ sentence, report, clear }}>{children}</Errors>;
}

/** The error as the person reads it. */
export function ErrorNotice() {
  const { sentence, clear } = useErrors();
  return (
    <div role="alert" aria-label="Problem">
      {sentence !== "" && (
        <div className="notice">
          <span>{sentence}</span>
          <button className="quiet" aria-label="Dismiss" onClick={clear}>×</button>
        </div>
      )}
    </div>
  );
}
