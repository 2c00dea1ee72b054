// A route of your web server between the page and the agent, so that the shared token stays on the server.
//
// It is a Next.js route handler (app/api/agent/route.js); any server that works with Request and Response can use it. The page
// uses it as the agent's URL: new HttpAgent({ url: "/api/agent" }).
//
// AGENT_URL is the address of the function. The shared token is read on the server only (token.mjs): a name that begins with
// NEXT_PUBLIC_ or VITE_ would put it into the page.

import { isSameOrigin } from "./same-origin.mjs";
import { sharedTokens } from "./token.mjs";

export const dynamic = "force-dynamic";
export const maxDuration = 300;

/** The headers of the agent's response that are passed on to the page. */
const PASSED_BACK = ["content-type", "cache-control", "x-accel-buffering", "retry-after"];

/** The user's own JWT, from wherever your session keeps it. Never from a header that a page can set. */
function userToken(request) {
  return /(?:^|;\s*)__Host-session=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1];
}

export async function POST(request) {
  if (!isSameOrigin(request)) return refusal(403, "FORBIDDEN", "Pages of other sites cannot use this agent.");
  const user = userToken(request);
  if (user === undefined) return refusal(401, "UNAUTHENTICATED", "You are not signed in. Please sign in.");
  let response;
  try {
    const body = await request.text();
    for await (const token of sharedTokens()) {
      response = await forward(request, body, user, token);
      if (!(await isTokenRefused(response))) break;
    }
  } catch (error) {
    if (!request.signal.aborted) console.error("The agent cannot be reached:", error);
    return refusal(502, "AGENT_UNREACHABLE", "The agent cannot be reached right now. Please try again later.");
  }
  const headers = PASSED_BACK.flatMap((name) => (response.headers.has(name) ? [[name, response.headers.get(name)]] : []));
  // The body is passed on as a stream. Awaiting its text would buffer the whole run.
  return new Response(response.body, { status: response.status, headers });
}

function forward(request, body, user, token) {
  return fetch(process.env.AGENT_URL, {
    method: "POST",
    // Only the content type of the page's headers is passed on. The agent accepts JSON only, which no HTML form of another site can send.
    headers: {
      "content-type": request.headers.get("content-type") ?? "",
      "x-agui-token": token,
      "x-agui-user-token": user,
    },
    body,
    cache: "no-store",
    redirect: "error",
    signal: request.signal, // if the page stops the run or is closed, this request ends too
  });
}

/** Whether the agent refused the shared token: a 401 for the user's JWT has a `reason`, and another shared token cannot help. */
async function isTokenRefused(response) {
  if (response.status !== 401) return false;
  const { error } = await response.clone().json().catch(() => ({}));
  return error?.reason === undefined;
}

function refusal(status, code, message) {
  return Response.json({ error: { code, message } }, { status, headers: { "cache-control": "no-store" } });
}
