import { useRef, useState } from "react";

import { sentenceOf } from "../chat/sentence";
import { useTitle } from "../shell/title";
import { type Person, type Session, signIn } from "./session";

/** The page of a person who is not signed in. A real application sends them to its identity provider here. */
export function SignIn({ people, onSignedIn }: { people: Person[]; onSignedIn: (session: Session) => void }) {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isSent = useRef(false);
  useTitle("Sign in");

  async function choose(person: Person) {
    // A second press may come before the page has drawn that it is busy.
    if (isSent.current) return;
    isSent.current = true;
    setBusy(true);
    setError("");
    try {
      onSignedIn(await signIn(person.name));
    } catch (failure) {
      setError(sentenceOf(failure as Error));
      setBusy(false);
      isSent.current = false;
    }
  }

  return (
    <main className="sign-in">
      <h1>Who are you?</h1>
      <p>Two sample people with different rights. There are no passwords on this machine.</p>
      {people.map((person) => (
        <button key={person.name} className="person" disabled={isBusy} onClick={() => choose(person)}>
          <span className="avatar" aria-hidden="true">{person.name[0]}</span>
          <span>
            <strong>Sign in as {person.name}</strong>
            <small>{person.about}</small>
          </span>
        </button>
      ))}
      <p className="error-text" role="alert">{error}</p>
    </main>
  );
}
