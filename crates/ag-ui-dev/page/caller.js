// The caller of a request: the person, the entry point, and whether the token is sent.
//
// The page only sends the choice; the development server makes the Lambda event from it, as the entry point would.

import { prettyJson } from "./format.js";

/** The entry point of a person who is chosen without one, as in `x-agui-dev-as: amelie`. */
const ENTRY_POINT_OF_PEOPLE = "rest-cognito";

export const WRONG_TOKEN = "this-is-not-the-token";

/** Is said in place of a request by a caller with a `claimsProblem`. */
export const NOT_SENT = "The claims in the tab Caller cannot be read, so nothing is sent.";

/** The choice of a new tab. */
export function defaultCaller(session) {
  return { person: session.people[0]?.id ?? "nobody", claimsText: "", entryPoint: session.entry_points[0]?.id, token: "on" };
}

/** A choice that was stored, without what the session no longer has. */
export function fittingCaller(session, kept) {
  const fallback = defaultCaller(session);
  if (kept === undefined) return fallback;
  const knows = (list, id) => list.some((entry) => entry.id === id);
  return {
    person: kept.person === "custom" || knows(session.people, kept.person) ? kept.person : fallback.person,
    claimsText: kept.claimsText ?? "",
    ...(kept.ownToken && { ownToken: kept.ownToken }),
    entryPoint: knows(session.entry_points, kept.entryPoint) ? kept.entryPoint : fallback.entryPoint,
    token: ["on", "off", "wrong"].includes(kept.token) ? kept.token : "on",
  };
}

/** Reads claims that the developer typed: `{ claims }`, or `{ error }` with a sentence. */
export function parseClaims(text) {
  if (text.trim() === "") return { error: "Write a JSON object, such as {\"sub\": \"user-1\"}." };
  let claims;
  try {
    claims = JSON.parse(text);
  } catch (error) {
    return { error: `The claims are not JSON: ${error.message}.` };
  }
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) {
    return { error: "The claims are JSON, but not an object. Write them as {\"sub\": \"user-1\"}." };
  }
  return { claims };
}

/** What is wrong with the claims that the developer typed, as a sentence; undefined if nothing is, or if another person is chosen. */
export function claimsProblem(caller) {
  return caller.person === "custom" ? parseClaims(caller.claimsText).error : undefined;
}

/** The claims of the chosen person; null for an anonymous caller, and for claims that cannot be read. */
export function claimsOf(session, caller) {
  if (caller.person === "custom") return parseClaims(caller.claimsText).claims ?? null;
  return session.people.find(({ id }) => id === caller.person)?.claims ?? null;
}

export function entryPointOf(session, caller) {
  return session.entry_points.find(({ id }) => id === caller.entryPoint);
}

/** What changes if this person is chosen: nobody chooses a person to be anonymous, so the entry point is one that carries claims. */
export function choosePerson(session, caller, person) {
  // The form for own claims begins with the claims of the person that was chosen before.
  const isNew = person === "custom" && !caller.claimsText;
  const claimsText = isNew ? prettyJson(claimsOf(session, caller) ?? { sub: "user-1" }) : caller.claimsText;
  const chosen = { ...caller, person, claimsText };
  const hasClaims = person === "custom" || claimsOf(session, chosen) !== null;
  const isLost = hasClaims && !entryPointOf(session, caller)?.claims;
  return isLost ? { ...chosen, entryPoint: ENTRY_POINT_OF_PEOPLE } : chosen;
}

/** The value of the header that makes the development server write the event for this caller. */
export function sentAs(session, caller) {
  const claims = entryPointOf(session, caller)?.claims ? claimsOf(session, caller) : null;
  return { entry_point: caller.entryPoint, ...(claims !== null && { claims }) };
}

/** The headers of a request by this caller. It throws `NOT_SENT` if the caller has claims that cannot be read. */
export function callerHeaders(session, caller) {
  if (claimsProblem(caller) !== undefined) throw new Error(NOT_SENT);
  const token = caller.token === "wrong" ? WRONG_TOKEN : session.token ?? caller.ownToken;
  const isSent = caller.token !== "off" && Boolean(token);
  return {
    ...(isSent && { [session.token_header ?? "x-agui-token"]: token }),
    "x-agui-dev-as": asciiJson(sentAs(session, caller)),
  };
}

/** JSON in ASCII, since a header takes nothing else. */
export function asciiJson(value) {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The caller in one line, such as `Amelie, support (may refund), through REST API with Cognito`. */
export function describeCaller(session, caller) {
  const claims = claimsOf(session, caller);
  const person = session.people.find(({ id }) => id === caller.person);
  const own = claims === null ? "claims that cannot be read" : `claims of your own${claims.sub ? ` (${claims.sub})` : ""}`;
  const name = caller.person === "custom" ? `Somebody with ${own}` : (person?.name ?? "Nobody");
  const entryPoint = entryPointOf(session, caller);
  const isLost = claims !== null && !entryPoint?.claims;
  const parts = [`${name}, through ${entryPoint?.name ?? caller.entryPoint}`];
  if (isLost) parts.push("which carries no claims");
  if (caller.token === "off") parts.push("without the token");
  if (caller.token === "wrong") parts.push("with a wrong token");
  return parts.join(", ");
}

/** The tools of the agent as its capabilities list them, with the reason for each that is not offered. */
export function toolsOf(capabilities) {
  const listed = capabilities?.custom?.["ag_ui_lambda.tools"];
  if (Array.isArray(listed)) return listed;
  return (capabilities?.tools?.items ?? []).map(({ name, description }) => ({ name, description, offered: true }));
}
