import { useEffect, useRef, useState } from "react";

import { sentenceOf } from "../chat/sentence";
import { forgetThreads } from "../shell/route";
import { onSessionMayChange, readSession, type Session, signOut } from "./session";

/** Who is signed in, as the server says it: also if somebody has signed in or out in another tab. */
export function useSession() {
  const [session, setSession] = useState<Session>();
  const [error, setError] = useState("");
  const shown = useRef<Session>(undefined);
  /** Counts what was asked. An answer that comes after a later one is not shown. */
  const count = useRef(0);

  function show(next: Session) {
    count.current += 1;
    // The conversations are those of the person before.
    if (shown.current?.person && shown.current.person.name !== next.person?.name) forgetThreads();
    shown.current = next;
    setSession(next);
  }

  async function check() {
    count.current += 1;
    const own = count.current;
    try {
      const next = await readSession();
      if (own === count.current) show(next);
    } catch (failure) {
      // Later, without a network, nothing is known and nothing changes.
      if (own === count.current && shown.current === undefined) setError(sentenceOf(failure as Error));
    }
  }

  useEffect(() => {
    void check();
    return onSessionMayChange(check);
  }, []);

  async function leave() {
    try {
      show(await signOut());
    } catch (failure) {
      setError(sentenceOf(failure as Error));
    }
  }

  return { session, error, enter: show, leave };
}
