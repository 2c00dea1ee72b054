/** The session as the server describes it. The page knows names only: neither the person's id nor a token. */
export interface Person {
  name: string;
  about: string;
}

export interface Session {
  person: Person | null;
  people: Person[];
}

export const readSession = () => call("GET", "/api/session");
export const signIn = (name: string) => call("POST", "/api/sign-in", { name });
export const signOut = () => call("POST", "/api/sign-out", {});

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
