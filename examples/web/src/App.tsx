import { useEffect, useState } from "react";

import { sentenceOf } from "./chat/sentence";
import { SignIn } from "./session/SignIn";
import { type Session, readSession, signOut } from "./session/session";
import { forgetThreads } from "./shell/route";
import { Shell } from "./shell/Shell";

export function App() {
  const [session, setSession] = useState<Session>();
  const [error, setError] = useState("");

  useEffect(() => {
    readSession().then(setSession, (failure) => setError(sentenceOf(failure)));
  }, []);

  async function leave() {
    try {
      setSession(await signOut());
      forgetThreads();
    } catch (failure) {
      setError(sentenceOf(failure as Error));
    }
  }

  if (error !== "") {
    return (
      <main className="sign-in">
        <p className="error-text" role="alert">{error}</p>
        {/* The page asks again who is signed in: after a sign-out that failed, that may be the same person as before. */}
        <button onClick={() => location.reload()}>Try again</button>
      </main>
    );
  }
  if (session === undefined) return <main className="sign-in" aria-busy="true" />;
  if (session.person === null) return <SignIn people={session.people} onSignedIn={setSession} />;
  // The key discards everything of the person before.
  return <Shell key={session.person.name} person={session.person} onSignOut={leave} />;
}
