// A chat with an agent by assistant-ui: text, tool calls, a tool of the page, approvals, Stop and errors.

import { HttpAgent } from "@ag-ui/client";
import {
  AssistantRuntimeProvider,
  ComposerPrimitive,
  makeAssistantTool,
  MessagePrimitive,
  ThreadPrimitive,
  useAuiState,
} from "@assistant-ui/react";
import { useAgUiInterrupts, useAgUiRuntime, useAgUiSubmitInterruptResponses } from "@assistant-ui/react-ag-ui";
import { useEffect, useMemo, useRef, useState } from "react";
import { createRoot } from "react-dom/client";

function Chat() {
  const [error, setError] = useState("");
  // #region runtime
  const agent = useMemo(() => new HttpAgent({ url: "/api/agent" }), []);
  // The agent still counts an interrupt as open after its answer was stopped or lost, and would refuse the next message.
  const forgetInterrupts = () => void (agent.pendingInterrupts = []);
  const runtime = useAgUiRuntime({
    agent,
    onCancel: forgetInterrupts,
    onError(error) {
      forgetInterrupts();
      setError(sentenceOf(error));
    },
  });
  // #endregion
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <ChangeBackground />
      <ThreadPrimitive.Root>
        <h1>Agent</h1>
        <main aria-live="polite">
          <ThreadPrimitive.Messages>{() => <Message />}</ThreadPrimitive.Messages>
        </main>
        <p role="alert">{error}</p>
        <Answer forgetError={() => setError("")} />
      </ThreadPrimitive.Root>
    </AssistantRuntimeProvider>
  );
}

const Message = () => (
  <MessagePrimitive.Root render={<article />}>
    <MessagePrimitive.Parts>
      {({ part }) => {
        if (part.type === "text") return <p>{part.text}</p>;
        if (part.type === "tool-call") return <ToolCall {...part} />;
        return null;
      }}
    </MessagePrimitive.Parts>
  </MessagePrimitive.Root>
);

const ToolCall = ({ toolName, argsText, result }) => (
  <section className="tool">
    {toolName} {argsText}
    <p>{result === undefined ? "..." : JSON.stringify(result)}</p>
  </section>
);

/** What a person can do next: answer the agent's questions or, where there are none, write a message. */
function Answer({ forgetError }) {
  const interrupts = useAgUiInterrupts();
  const isRunning = useAuiState((state) => state.thread.isRunning);
  useEffect(() => (isRunning ? forgetError() : undefined), [isRunning]);
  if (interrupts.length > 0) return <Approvals key={interrupts[0].id} interrupts={interrupts} />;
  return (
    <ComposerPrimitive.Root>
      <ComposerPrimitive.Input aria-label="Message" placeholder="Message" />
      <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
      <ComposerPrimitive.Cancel>Stop</ComposerPrimitive.Cancel>
    </ComposerPrimitive.Root>
  );
}

// #region approvals
/** The calls that wait for a person. Once each has an answer, all are sent together. */
function Approvals({ interrupts }) {
  const [answers, setAnswers] = useState([]);
  const pressed = useRef(new Set());
  const submit = useAgUiSubmitInterruptResponses();
  const answer = (interruptId, approved) => {
    // A second press may come before the page has drawn the first.
    if (pressed.current.has(interruptId)) return;
    pressed.current.add(interruptId);
    const given = [...answers, { interruptId, status: "resolved", payload: { approved } }];
    setAnswers(given);
    if (given.length === interrupts.length) submit(given);
  };
  const open = interrupts.filter(({ id }) => !answers.some(({ interruptId }) => interruptId === id));
  return open.map(({ id, message }) => (
    <p key={id}>
      {message} <button onClick={() => answer(id, true)}>Approve</button>{" "}
      <button onClick={() => answer(id, false)}>Deny</button>
    </p>
  ));
}
// #endregion

/** A tool of this page. */
const ChangeBackground = makeAssistantTool({
  toolName: "change_background",
  description: "Changes the background color of the page.",
  parameters: { type: "object", properties: { background: { type: "string" } }, required: ["background"] },
  execute: async ({ background }) => (document.body.style.background = background),
});

/** What a person reads of an error: the sentence of a refusal or of a failed run. */
function sentenceOf(error) {
  if (error.payload?.error?.message) return error.payload.error.message;
  return error.message.endsWith(".") ? error.message : "The connection to the agent was lost. Please try again.";
}

createRoot(document.getElementById("page")).render(<Chat />);
