import { createContext, useContext, useEffect, useState } from "react";

const Announce = createContext((_: string) => {});

/** Says to people who do not see the page that the agent waits for them. Cards that appear in the chat say nothing by themselves. */
export function Announcements({ children }: { children: React.ReactNode }) {
  const [text, setText] = useState("");
  return (
    <Announce value={setText}>
      <p className="hidden-text" role="status" aria-label="What waits for you">{text}</p>
      {children}
    </Announce>
  );
}

/** Announces this text as long as the card is there; nothing if it is empty. */
export function useAnnouncement(text: string) {
  const announce = useContext(Announce);
  useEffect(() => {
    if (text === "") return;
    announce(text);
    return () => announce("");
  }, [announce, text]);
}
