import { HttpAgent } from "@ag-ui/client";

/** The agents of a page that calls the function at `url` itself, with the JWT of its user and without CopilotKit's runtime. */
export function directAgents(url: string) {
  let token: Promise<string> | undefined;

  async function send(init: RequestInit, isNew: boolean) {
    if (isNew) token = undefined;
    token ??= readToken();
    return fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${await token}` } });
  }

  const agent = () =>
    new HttpAgent({
      url,
      async fetch(_, init) {
        const response = await send(init, false);
        // The JWT has expired meanwhile. With a new one the same request is sent once more.
        return response.status === 401 ? send(init, true) : response;
      },
    });
  return { default: agent(), surfaces: agent() };
}

/** The JWT of the person who is signed in, which the server renews before it expires. */
async function readToken(): Promise<string> {
  const response = await fetch("/api/user-token", { method: "POST" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error?.message ?? "The server does not answer. Please try again later.");
  return answer.token;
}
