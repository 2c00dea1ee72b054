import { SignIn } from "./session/SignIn";
import { useSession } from "./session/useSession";
import { Shell } from "./shell/Shell";

export function App() {
  const { session, error, enter, leave } = useSession();

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
  if (session.person === null) return <SignIn people={session.people} onSignedIn={enter} />;
  // The key discards everything of the person before.
  return <Shell key={session.person.name} person={session.person} agentUrl={session.agentUrl} onSignOut={leave} />;
}
