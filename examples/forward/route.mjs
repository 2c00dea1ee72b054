// A route of your server between the page and the agent: the shared token stays here.
//
// It has the form of a Next.js route handler (app/api/agent/route.js); whatever hands over a Request and takes a Response
// can call it. The page talks to it as to the agent: new HttpAgent({ url: "/api/agent" }).
//
// AGENT_URL is where the function answers, AGENT_TOKEN the shared token. Both are read here alone, on the server; a name that
// begins with NEXT_PUBLIC_ or VITE_ would put them into the page. A copy of the token is right until it is rotated, which
// template.yaml does every 30 days: read it from Secrets Manager every few minutes, or deploy with TokenRotationDays=off.

export const dynamic = "force-dynamic";
export const maxDuration = 300;

/** What of the agent's answer the page gets beside status and body. */
const PASSED_BACK = ["content-type", "cache-control", "x-accel-buffering", "retry-after"];

/** The user's own JWT, from wherever your session keeps it. Never from a header that a page can set. */
function userToken(request) {
  return /(?:^|;\s*)__Host-session=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1];
}

export async function POST(request) {
  const user = userToken(request);
  if (user === undefined) return refusal(401, "UNAUTHENTICATED", "You are not signed in. Please sign in.");
  let answer;
  try {
    answer = await fetch(process.env.AGENT_URL, {
      method: "POST",
      // Nothing of the page's headers but the type: the agent takes JSON alone, which no form of another site can send.
      headers: {
        "content-type": request.headers.get("content-type") ?? "",
        "x-agui-token": process.env.AGENT_TOKEN,
        "x-agui-user-token": user,
      },
      body: await request.text(),
      cache: "no-store",
      redirect: "error",
      signal: request.signal, // a page that stops or goes away ends this request, too
    });
  } catch {
    return refusal(502, "AGENT_UNREACHABLE", "The agent cannot be reached right now. Please try again later.");
  }
  const kept = PASSED_BACK.flatMap((name) => (answer.headers.has(name) ? [[name, answer.headers.get(name)]] : []));
  // The body as it comes: to await its text would make a stream one piece.
  return new Response(answer.body, { status: answer.status, headers: kept });
}

function refusal(status, code, message) {
  return Response.json({ error: { code, message } }, { status, headers: { "cache-control": "no-store" } });
}
