// A route of your web server between the page and the agent, so that the shared token stays on the server.
//
// It is a Next.js route handler (app/api/agent/route.js); any server that works with Request and Response can use it. The page
// uses it as the agent's URL: new HttpAgent({ url: "/api/agent" }).
//
// AGENT_URL is the address of the function, and AGENT_TOKEN is the shared token. Both are read here only, on the server; a name
// that begins with NEXT_PUBLIC_ or VITE_ would put them into the page. A copy of the token is right until it is rotated, which
// template.yaml does every 30 days: read it from Secrets Manager every few minutes, or deploy with TokenRotationDays=off.

export const dynamic = "force-dynamic";
export const maxDuration = 300;

/** The headers of the agent's response that are passed on to the page. */
const PASSED_BACK = ["content-type", "cache-control", "x-accel-buffering", "retry-after"];

/** The user's own JWT, from wherever your session keeps it. Never from a header that a page can set. */
function userToken(request) {
  return /(?:^|;\s*)__Host-session=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1];
}

export async function POST(request) {
  const user = userToken(request);
  if (user === undefined) return refusal(401, "UNAUTHENTICATED", "You are not signed in. Please sign in.");
  let response;
  try {
    response = await fetch(process.env.AGENT_URL, {
      method: "POST",
      // Only the content type of the page's headers is passed on. The agent accepts JSON only, which no HTML form of another site can send.
      headers: {
        "content-type": request.headers.get("content-type") ?? "",
        "x-agui-token": process.env.AGENT_TOKEN,
        "x-agui-user-token": user,
      },
      body: await request.text(),
      cache: "no-store",
      redirect: "error",
      signal: request.signal, // if the page stops the run or is closed, this request ends too
    });
  } catch {
    return refusal(502, "AGENT_UNREACHABLE", "The agent cannot be reached right now. Please try again later.");
  }
  const kept = PASSED_BACK.flatMap((name) => (response.headers.has(name) ? [[name, response.headers.get(name)]] : []));
  // The body is passed on as a stream. Awaiting its text would buffer the whole run.
  return new Response(response.body, { status: response.status, headers: kept });
}

function refusal(status, code, message) {
  return Response.json({ error: { code, message } }, { status, headers: { "cache-control": "no-store" } });
}
