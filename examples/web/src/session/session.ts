/** The session as the server describes it. The page knows names only: neither the person's id nor a token. */
export interface Person {
  name: string;
  about: string;
}

export interface Session {
  person: Person | null;
  people: Person[];
  /** The address of the function, if the page calls it itself. */
  agentUrl?: string;
}

export const readSession = () => call("GET", "/api/session");
export const signIn = (name: string) => call("POST", "/api/sign-in", { name }).then(tellOthers);
export const signOut = () => call("POST", "/api/sign-out", {}).then(tellOthers);

/** All tabs of the browser have the same cookie: who signs in or out in one of them does so in all. */
const tabs = new BroadcastChannel("session");

function tellOthers(session: Session): Session {
  tabs.postMessage("changed");
  return session;
}

/** Calls `check` when the session may be another one: another tab has changed it, or the person comes back to this tab. */
export function onSessionMayChange(check: () => void): () => void {
  tabs.addEventListener("message", check);
  addEventListener("focus", check);
  document.addEventListener("visibilitychange", check);
  return () => {
    tabs.removeEventListener("message", check);
    removeEventListener("focus", check);
    document.removeEventListener("visibilitychange", check);
  };
}

async function call(method: string, path: string, body?: unknown): Promise<Session> {
  const response = await fetch(path, {
    method,
    headers: { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error?.message ?? "The server does not answer. Please try again later.");
  return answer;
}
