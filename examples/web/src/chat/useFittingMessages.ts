import { type Message, useAgent } from "@copilotkit/react-core/v2";
import { useEffect } from "react";

import { isTooLarge } from "./sentence";

/** How large a picture may be. In a request it is a third larger. */
export const MAX_PICTURE_BYTES = 3_000_000;
/** How many characters the pictures of a request may have: Lambda accepts 6 MB, and the model of the function less. */
const MAX_PICTURE_CHARACTERS = (MAX_PICTURE_BYTES / 3) * 4;
const LEFT_OUT = "(A picture was left out here: together with the others it is too large to send.)";

/** Keeps a conversation small enough to be sent: each message is sent again with all later ones, its pictures included. */
export function useFittingMessages(thread: string) {
  const { agent } = useAgent({ updates: [] });

  useEffect(() => {
    const { unsubscribe } = agent.subscribe({
      onRunInitialized: ({ messages }) => fitting(messages),
      // Every later request would have the message as well, and would be refused, too.
      onRunErrorEvent: ({ event, messages }) => (isTooLarge(event.message) ? withoutUnsent(messages) : undefined),
      onRunFailed: ({ error, messages }) => (isTooLarge(error.message) ? withoutUnsent(messages) : undefined),
    });
    return unsubscribe;
  }, [agent, thread]);
}

/** Leaves out the oldest pictures, if all pictures together are too large. */
function fitting(messages: readonly Message[]) {
  let left = MAX_PICTURE_CHARACTERS;
  let isFitting = true;
  const fit = (part: any) => {
    const size = part.source?.value?.length ?? 0;
    if (size <= left) {
      left -= size;
      return part;
    }
    isFitting = false;
    return { type: "text", text: LEFT_OUT };
  };
  const changed = messages.toReversed().map((message) => {
    if (message.role !== "user" || typeof message.content === "string") return message;
    return { ...message, content: message.content.map(fit) };
  });
  return isFitting ? undefined : { messages: changed.toReversed() };
}

/** The messages without the last one of the person, if nothing has answered it. */
function withoutUnsent(messages: readonly Message[]) {
  return messages.at(-1)?.role === "user" ? { messages: messages.slice(0, -1) } : undefined;
}
