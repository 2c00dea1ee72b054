// Elements of a Markdown tree.

import { h } from "./dom.js";
import { isSafeUrl, parseMarkdown } from "./markdown.js";

/** The elements of a text. */
export function renderMarkdown(text) {
  return parseMarkdown(text).map(renderBlock);
}

function renderBlock(block) {
  switch (block.kind) {
    case "code":
      return h("pre", { class: "code", tabindex: "0", role: "group", "aria-label": "Code" }, h("code", {}, block.text));
    case "heading":
      return h("p", { class: "heading" }, renderInline(block.content));
    case "list":
      return h(block.isOrdered ? "ol" : "ul", {}, block.items.map((item) => h("li", {}, renderInline(item))));
    default:
      return h("p", {}, renderInline(block.content));
  }
}

function renderInline(parts) {
  return parts.map((part) => {
    if (typeof part === "string") return part;
    switch (part.kind) {
      case "code":
        return h("code", {}, part.text);
      case "bold":
        return h("strong", {}, renderInline(part.content));
      case "italic":
        return h("em", {}, renderInline(part.content));
      default:
        if (!isSafeUrl(part.url)) return h("span", {}, renderInline(part.content));
        return h("a", { href: part.url, rel: "noopener noreferrer", target: "_blank" }, renderInline(part.content));
    }
  });
}
