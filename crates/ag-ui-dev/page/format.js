// How values are written for a reader.

/** A duration: `340 ms`, `1.2 s`. */
export function formatMs(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** JSON with line breaks; a text that is no JSON stays as it is. */
export function prettyText(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "string" ? text : JSON.stringify(value, null, 2);
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
