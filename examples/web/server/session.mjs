// Who is signed in. The browser has a random cookie that no script can read; what belongs to it stays in this process.

import { randomBytes } from "node:crypto";

import { PEOPLE, signIn, userToken } from "./identity.mjs";
import { refuse, sendJson } from "./refusal.mjs";

const COOKIE = "session";
// README.md says what a production server changes: `Secure`, a name with `__Host-`, an end of each session.
const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict";

/** The address of the function, if the page calls it itself and not through CopilotKit's runtime. */
const { PAGE_AGENT_URL } = process.env;

const sessions = new Map();

/** The session of a request, or undefined if nobody is signed in. */
export function sessionOf(request) {
  return sessions.get(cookieOf(request));
}

/**
 * Serves /api/session, /api/sign-in and /api/sign-out. The page learns names, and neither ids nor tokens. If it calls the function
 * itself, /api/user-token gives it the JWT of its person.
 */
export async function serveSession(pathname, request, response) {
  const route = `${request.method} ${pathname}`;
  if (route === "GET /api/session") return sendJson(response, 200, described(sessionOf(request)));
  if (route === "POST /api/sign-out") {
    sessions.delete(cookieOf(request));
    return sendJson(response, 200, described(undefined), { "set-cookie": `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}` });
  }
  if (route === "POST /api/user-token" && PAGE_AGENT_URL) {
    const session = sessionOf(request);
    if (session === undefined) return refuse(response, 401, "UNAUTHENTICATED", "You are not signed in. Please sign in.");
    return sendJson(response, 200, { token: await userToken(session) });
  }
  if (route !== "POST /api/sign-in") return refuse(response, 404, "NOT_FOUND", "There is no such page.");
  const { name } = await readJson(request);
  const person = PEOPLE.find((person) => person.name === name);
  if (person === undefined) return refuse(response, 400, "BAD_REQUEST", "There is no such person.");
  let session;
  try {
    session = { person, user: await signIn(person) };
  } catch (error) {
    console.error("Nobody can sign in:", error);
    return refuse(response, 502, "SIGN_IN_FAILED", "Signing in does not work right now. Please try again later.");
  }
  // A new id for each sign-in, so that a cookie that somebody else has set is worth nothing.
  sessions.delete(cookieOf(request));
  const id = randomBytes(32).toString("base64url");
  sessions.set(id, session);
  return sendJson(response, 200, described(session), { "set-cookie": `${COOKIE}=${id}; ${ATTRIBUTES}` });
}

function described(session) {
  const shown = ({ name, about }) => ({ name, about });
  const person = session === undefined ? null : shown(session.person);
  return { person, people: PEOPLE.map(shown), agentUrl: PAGE_AGENT_URL };
}

function cookieOf(request) {
  return new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? "")?.[1];
}

/** The JSON object in a small body; an empty object if the body is something else. */
async function readJson(request) {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > 4096) return {};
  }
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
