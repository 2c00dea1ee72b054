// The content of a message or of a tool's result: a text, or parts with pictures and files.

import { h } from "./dom.js";

/** Elements of content parts. A part that the page cannot show is named. */
export function renderParts(parts) {
  return parts.map((part) => {
    if (part.type === "text") return h("p", { class: "plain" }, part.text ?? "");
    const { source = {} } = part;
    if (part.type === "image" && source.type === "data" && /^image\/[\w.+-]+$/.test(source.mimeType ?? "")) {
      return h("img", { class: "picture", src: `data:${source.mimeType};base64,${source.value}`, alt: part.metadata?.filename ?? "Picture" });
    }
    const where = source.type === "url" ? source.value : `${source.mimeType ?? "unknown type"}, ${source.type ?? "no source"}`;
    return h("p", { class: "plain" }, `${part.type}: ${where}`);
  });
}

/** The text of a content, which may be in parts. */
export function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? []).filter(({ type }) => type === "text").map(({ text }) => text).join("\n");
}
