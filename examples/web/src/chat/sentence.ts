const TOO_LARGE =
  "That is too large for the agent, so it was taken out of the conversation. Send less at a time, or begin a new conversation.";

/** What the person reads for a refusal that brings no sentence of its own. */
const BY_STATUS: Record<string, string> = {
  401: "You are signed out. Reload the page and sign in again.",
  413: TOO_LARGE,
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
  if (isTooLarge(text)) return TOO_LARGE;
  const refusal = refusalIn(text)?.message;
  if (refusal !== undefined) return refusal;
  const status = statusIn(text);
  if (status !== undefined) return BY_STATUS[status] ?? "The agent does not work right now. Please try again later.";
  if (BROKEN.test(text)) return BROKE_OFF;
  if (OFFLINE.test(text)) return UNREACHABLE;
  return text;
}

/** Whether the text of an error is a refusal of a request that is too large. Its own sentence may be about bytes. */
export function isTooLarge(text: string): boolean {
  return refusalIn(text)?.code === "BODY_TOO_LARGE" || statusIn(text) === "413";
}

const statusIn = (text: string) => /\b(?:HTTP|status:?) (\d{3})\b/.exec(text)?.[1];

/** What the JSON body of a refusal says. */
function refusalIn(text: string): { code?: string; message?: string } | undefined {
  try {
    return JSON.parse(/\{.*\}/s.exec(text)?.[0] ?? "{}").error;
  } catch {
    return undefined;
  }
}
