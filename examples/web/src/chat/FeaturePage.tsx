import { CopilotChat, CopilotChatConfigurationProvider, useAgent } from "@copilotkit/react-core/v2";

import { Cards } from "../cards/Cards";
import { Interrupts } from "../cards/Interrupts";
import { IsOverProvider } from "../cards/isOver";
import type { Feature } from "../features/feature";
import { useTitle } from "../shell/title";
import { Announcements } from "./announcements";
import { ignoreEmptyEnter, SendButton } from "./SendButton";
import { KeyboardScroll } from "./KeyboardScroll";
import { Suggestions } from "./Suggestions";
import { ErrorNotice, useErrors } from "./errors";
import { useFittingMessages } from "./useFittingMessages";
import { useRunEnds } from "./useRunEnds";

interface Props {
  feature: Feature;
  thread: string;
  onNewConversation: () => void;
}

/** The page of a feature: its chat and, where there is one, the part of the page that the agent changes. */
export function FeaturePage({ feature, thread, onNewConversation }: Props) {
  const agentId = feature.agentId ?? "default";
  useTitle(feature.title);
  return (
    <CopilotChatConfigurationProvider agentId={agentId} threadId={thread}>
      <main className={feature.Panel ? "page with-panel" : "page"}>
        <div className="page-head">
          <h1>{feature.title}</h1>
          <button className="quiet" onClick={onNewConversation}>New conversation</button>
          <p>{feature.hint}</p>
        </div>
        <Announcements>
          {feature.Panel && <feature.Panel />}
          <section className="chat" aria-label="Chat" onKeyDownCapture={ignoreEmptyEnter}>
            <ErrorNotice />
            <Conversation feature={feature} agentId={agentId} thread={thread} />
          </section>
        </Announcements>
      </main>
    </CopilotChatConfigurationProvider>
  );
}

const Nothing = () => null;

function Conversation({ feature, agentId, thread }: { feature: Feature; agentId: string; thread: string }) {
  useRunEnds(thread);
  useFittingMessages(thread);
  const { report } = useErrors();
  const { isReady } = useAgent({ updates: [] });
  const rejected = ({ message }: { message: string }) => report({ error: new Error(message) });
  return (
    <IsOverProvider>
      <Cards />
      <Interrupts />
      {feature.Tools && <feature.Tools />}
      <KeyboardScroll />
      <Suggestions messages={feature.suggestions} agentId={agentId} />
      <CopilotChat
        agentId={agentId}
        threadId={thread}
        className="conversation"
        attachments={feature.attachments && { ...feature.attachments, onUploadFailed: rejected }}
        labels={{ chatInputPlaceholder: "Write to the agent", chatDisclaimerText: "" }}
        input={{
          sendButton: SendButton,
          // Until the runtime has answered, nothing could be sent.
          textArea: { "aria-label": "Message", disabled: !isReady },
          addMenuButton: feature.attachments ? { "aria-label": "Attach" } : Nothing,
        }}
      />
    </IsOverProvider>
  );
}
