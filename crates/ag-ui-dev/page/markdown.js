// A small part of Markdown as a tree: paragraphs, headings, lists, code, bold, italics, links.
//
// What a model writes is never HTML here. The tree holds text only, and `markdown-view.js` makes elements of it.

const FENCE = /^\s*(```+|~~~+)\s*([\w+#.-]*)\s*$/;
const HEADING = /^#{1,6}\s+(.*)$/;
const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;

/** The blocks of a text: `{ kind: "paragraph" | "heading" | "code" | "list", ... }`. */
export function parseMarkdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const fence = line.match(FENCE);
    if (line.trim() === "") {
      at += 1;
    } else if (fence) {
      // A fence that is not closed yet ends with the text, since the text may still be arriving.
      const close = new RegExp(`^\\s*${fence[1][0]}{${fence[1].length},}\\s*$`);
      let end = at + 1;
      while (end < lines.length && !close.test(lines[end])) end += 1;
      blocks.push({ kind: "code", language: fence[2], text: lines.slice(at + 1, end).join("\n") });
      at = end + 1;
    } else if (HEADING.test(line)) {
      blocks.push({ kind: "heading", content: parseInline(line.match(HEADING)[1]) });
      at += 1;
    } else if (ITEM.test(line)) {
      const [list, next] = readList(lines, at);
      blocks.push(list);
      at = next;
    } else {
      let end = at + 1;
      while (end < lines.length && lines[end].trim() !== "" && !FENCE.test(lines[end]) && !HEADING.test(lines[end]) && !ITEM.test(lines[end])) end += 1;
      blocks.push({ kind: "paragraph", content: parseInline(lines.slice(at, end).join("\n")) });
      at = end;
    }
  }
  return blocks;
}

/** A list without nesting: deeper items follow in the same list. */
function readList(lines, at) {
  const isOrdered = lines[at].match(ITEM)[2] !== undefined;
  const items = [];
  while (at < lines.length) {
    const item = lines[at].match(ITEM);
    if (item && (item[2] !== undefined) === isOrdered) items.push(item[3]);
    else if (!item && items.length > 0 && /^\s+\S/.test(lines[at]) && !FENCE.test(lines[at])) items[items.length - 1] += `\n${lines[at].trim()}`;
    else break;
    at += 1;
  }
  return [{ kind: "list", isOrdered, items: items.map(parseInline) }, at];
}

const INLINE = [
  { pattern: /`([^`]+)`/, make: ([, text]) => ({ kind: "code", text }) },
  { pattern: /\*\*(?=\S)([^]*?\S)\*\*(?!\*)/, make: ([, text], depth) => ({ kind: "bold", content: parseInline(text, depth + 1) }) },
  { pattern: /(?<![\w*])\*(?=[^\s*])([^*]*?[^\s*])\*(?![\w*])/, make: ([, text], depth) => ({ kind: "italic", content: parseInline(text, depth + 1) }) },
  { pattern: /\[([^\]\n]+)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)/, make: readLink },
  { pattern: /https?:\/\/[^\s<>"'`)\]]*[^\s<>"'`)\].,;:!?]/, make: ([url]) => ({ kind: "link", url, content: [url] }) },
];

/** Texts and `{ kind: "code" | "bold" | "italic" | "link", ... }`, in order. */
export function parseInline(text, depth = 0) {
  if (depth > 8) return [text];
  const parts = [];
  let rest = text;
  while (rest !== "") {
    const found = INLINE.map(({ pattern, make }) => ({ match: pattern.exec(rest), make })).filter(({ match }) => match);
    if (found.length === 0) return [...parts, rest];
    const { match, make } = found.reduce((first, other) => (other.match.index < first.match.index ? other : first));
    if (match.index > 0) parts.push(rest.slice(0, match.index));
    parts.push(make(match, depth));
    rest = rest.slice(match.index + match[0].length);
  }
  return parts;
}

/** A link only if it leads to http or https; anything else stays the text that it was. */
function readLink([source, label, url]) {
  return isSafeUrl(url) ? { kind: "link", url, content: [label] } : source;
}

/** Whether a link may lead there: javascript:, data: and relative addresses may not. */
export function isSafeUrl(url) {
  try {
    return /^https?:\/\//i.test(url) && ["http:", "https:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}
