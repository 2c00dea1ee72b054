// Reads a `text/event-stream` body piece by piece.
//
// A piece may end anywhere: between the two bytes of a CRLF, or in the middle of a line. It knows nothing of AG-UI.
//
// Source: the HTML standard, "Server-sent events", parsing an event stream.

/** A parser of one body: `push(text)` and, at its end, `end()` return the data of the frames that are complete. */
export function createSseParser() {
  let rest = "";
  let data = [];
  let isFirst = true;

  function takeLine(line, frames) {
    if (line === "") {
      if (data.length > 0) frames.push(data.join("\n"));
      data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment, which a server sends while it has no event
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field !== "data") return;
    const value = colon < 0 ? "" : line.slice(colon + 1);
    data.push(value.startsWith(" ") ? value.slice(1) : value);
  }

  return {
    push(text) {
      if (isFirst && text !== "") {
        isFirst = false;
        text = text.replace(/^\uFEFF/, "");
      }
      rest += text;
      const frames = [];
      for (;;) {
        const at = rest.search(/[\r\n]/);
        if (at < 0) return frames;
        // A CR at the end may be the first half of a CRLF whose second half has not arrived yet.
        if (rest[at] === "\r" && at + 1 === rest.length) return frames;
        const width = rest[at] === "\r" && rest[at + 1] === "\n" ? 2 : 1;
        const line = rest.slice(0, at);
        rest = rest.slice(at + width);
        takeLine(line, frames);
      }
    },
    /** Returns a last frame that has no empty line behind it, as the official client does. */
    end() {
      const frames = [];
      if (rest !== "") takeLine(rest.replace(/\r$/, ""), frames);
      rest = "";
      takeLine("", frames);
      return frames;
    },
  };
}
