// Serves a built page and the route /api/agent on one port of this machine, with sign-in as a sample person.
//
//   AGENT_URL=http://127.0.0.1:9000/ AGENT_TOKEN=... node examples/forward/server.mjs examples/plain/dist
//
// It is for trying a page with the function that `make run` serves, which prints both values. PORT is 3000 unless it is set. Your
// application has a server and a sign-in of its own: of this folder it needs route.mjs and what that imports.

import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { POST as agent } from "./route.mjs";
import { isSameOrigin } from "./same-origin.mjs";

const folder = process.argv[2];
const PEOPLE = { amelie: "Amelie, who may refund", ben: "Ben, who may only read", chiara: "Chiara, of another organisation" };
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** Responds to a request: by the agent, by the sign-in or by a file of the page. */
async function respond(request) {
  const { hostname, pathname } = new URL(request.url);
  // A name that another site makes point to this machine is refused.
  if (!["127.0.0.1", "localhost"].includes(hostname)) return text(403, "This server is for this machine only.");
  const route = `${request.method} ${pathname}`;
  if (route === "POST /api/agent") return agent(request);
  if (route === "GET /sign-in") return signInPage();
  if (route === "POST /sign-in") return signIn(request);
  if (request.method !== "GET") return text(405, "This address cannot be used like this.");
  if (pathname === "/" && !/__Host-session=/.test(request.headers.get("cookie"))) return seeOther("/sign-in");
  return file(pathname === "/" ? "index.html" : pathname.slice(1));
}

function file(name) {
  // Only the names in the folder are served, so no path leads out of it.
  if (!folder || !readdirSync(folder, { recursive: true }).includes(name)) return text(404, "There is no such file.");
  const type = TYPES[extname(name)];
  if (type === undefined) return text(404, "There is no such file.");
  return new Response(readFileSync(join(folder, name)), { headers: { "content-type": type, "content-security-policy": POLICY } });
}

function signInPage() {
  const buttons = Object.entries(PEOPLE).map(([id, name]) => `<p><button name="person" value="${id}">${name}</button>`);
  const page = `<!doctype html><html lang="en"><title>Sign in</title><h1>Sign in</h1><form method="post">${buttons.join("")}</form>`;
  return new Response(page, { headers: { "content-type": TYPES[".html"], "content-security-policy": POLICY } });
}

/** Signs a sample person in: the development server of the function issues the JWT, as your identity provider does. */
async function signIn(request) {
  if (!isSameOrigin(request)) return text(403, "Pages of other sites cannot sign you in.");
  const person = new URLSearchParams(await request.text()).get("person");
  // In local mode, the key of the development server is the shared token.
  const headers = { "x-agui-dev-key": process.env.AGENT_TOKEN, "content-type": "application/json" };
  const url = new URL("/_dev/token", process.env.AGENT_URL);
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ person }) });
  if (!response.ok) return text(502, `The local issuer refuses: ${response.status} ${await response.text()}`);
  const { access_token: jwt, expires_in: seconds } = await response.json();
  const cookie = `__Host-session=${jwt}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Lax`;
  return seeOther("/", { "set-cookie": cookie });
}

const seeOther = (location, headers) => new Response(null, { status: 303, headers: { location, ...headers } });
const text = (status, message) => new Response(message, { status, headers: { "content-type": "text/plain; charset=utf-8" } });

const server = createServer(async (incoming, outgoing) => {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  try {
    const { method, headers } = incoming;
    const body = method === "POST" ? Readable.toWeb(incoming) : undefined;
    const url = new URL(incoming.url, `http://${headers.host}`);
    const response = await respond(new Request(url, { method, headers, body, duplex: "half", signal: gone.signal }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.flushHeaders();
    await pipeline(response.body ?? [], outgoing);
  } catch (error) {
    if (!gone.signal.aborted) console.error("The response ended early:", error.message);
    outgoing.destroy();
  }
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
