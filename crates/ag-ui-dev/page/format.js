// Formats values for people.

/** JSON up to this length stays on one line. */
const MAX_LINE = 72;

/** A duration: `0.3 ms`, `340 ms`, `1.2 s`. */
export function formatMs(ms) {
  if (ms > 0 && ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** JSON with line breaks, unless it is short. A text that is not JSON is returned unchanged. */
export function prettyText(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value === "string") return text;
    const pretty = JSON.stringify(value, null, 2);
    const line = pretty.replace(/\n\s*/g, " ");
    return line.length <= MAX_LINE ? line : pretty;
  } catch {
    return text;
  }
}

export function prettyJson(value) {
  return JSON.stringify(value, null, 2) ?? "undefined";
}

/** The beginning of a text, on one line. */
export function shorten(text, length = 120) {
  const line = String(text).replace(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
