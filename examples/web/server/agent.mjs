// The agent as CopilotKit's runtime calls it: with the shared token and the JWT of the person who is signed in.
//
// AGENT_URL is the address of the function. AG_UI_CLIENT chooses the version of @ag-ui/client: 0.0.59, which CopilotKit itself
// uses, or 1.0.0, which `npm install @ag-ui/client` installs today. Both work if the function has AGUI_CLIENT_COMPAT=legacy.

import { userToken } from "./identity.mjs";
import { sharedTokens } from "./token.mjs";

const { HttpAgent } = await import(process.env.AG_UI_CLIENT === "1.0.0" ? "ag-ui-client-1" : "@ag-ui/client");

/** Creates the agent for a request of the person of this session. */
export function agentFor(session) {
  return new HttpAgent({ url: process.env.AGENT_URL, fetch: (url, init) => sendOrRefuse(session, url, init) });
}

/** Sends a run to the agent. What failed on the way is for the log: the page gets a sentence. */
async function sendOrRefuse(session, url, init) {
  try {
    return await send(session, url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    console.error("The agent cannot be reached:", error);
    const message = "The agent cannot be reached right now. Please try again later.";
    return Response.json({ error: { code: "AGENT_UNREACHABLE", message } }, { status: 502 });
  }
}

/** Sends a run to the agent. If the agent refuses the shared token, the run is sent again with another one, if there is one. */
async function send(session, url, init) {
  const user = await userToken(session);
  let response;
  for await (const token of sharedTokens()) {
    response = await fetch(url, withProof(init, token, user));
    if (!(await isTokenRefused(response))) break;
  }
  return response;
}

/** Adds who asks, and that it is this server which asks. What the request had under these names before is replaced. */
function withProof(init, token, user) {
  const headers = new Headers(init.headers);
  headers.set("x-agui-token", token);
  headers.set("x-agui-user-token", user);
  return { ...init, headers, redirect: "error" };
}

/** Whether the agent refused the shared token: a 401 for the user's JWT has a `reason`, and another shared token cannot help. */
async function isTokenRefused(response) {
  if (response.status !== 401) return false;
  const { error } = await response.clone().json().catch(() => ({}));
  return error?.reason === undefined;
}
