/** What the person reads for a refusal that brings no sentence of its own. */
const BY_STATUS: Record<string, string> = {
  401: "You are signed out. Reload the page and sign in again.",
  413: "That is too large for the agent. Send less at a time.",
  429: "The agent is busy at the moment. Please try again in a minute.",
};

// It may have done what was asked, such as a refund. So the sentence does not ask to repeat it.
const BROKE_OFF = "The connection to the agent broke off. What you asked for may be done already: check before you ask again.";
const UNREACHABLE = "The agent cannot be reached. Check your connection and try again.";

const BROKEN = /missing.*terminal|incomplete|terminated|socket|other side closed|aborted|ended without/i;
const OFFLINE = /failed to fetch|fetch failed|network|load failed|ECONNREFUSED/i;

/**
 * What went wrong, as a sentence for the person. A refusal arrives as `HTTP 409: {"error":{"message":"..."}}`: the sentence is
 * in its JSON. The text of a `RUN_ERROR` is a sentence already.
 */
export function sentenceOf(error: Error): string {
  const text = error.message;
  const refusal = messageIn(/\{.*\}/s.exec(text)?.[0]);
  if (refusal !== undefined) return refusal;
  const status = /\b(?:HTTP|status:?) (\d{3})\b/.exec(text)?.[1];
  if (status !== undefined) return BY_STATUS[status] ?? "The agent does not work right now. Please try again later.";
  if (BROKEN.test(text)) return BROKE_OFF;
  if (OFFLINE.test(text)) return UNREACHABLE;
  return text;
}

/** The sentence in the JSON body of a refusal. */
function messageIn(json: string | undefined): string | undefined {
  try {
    return JSON.parse(json ?? "{}").error?.message;
  } catch {
    return undefined;
  }
}
