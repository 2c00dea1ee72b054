// Parses diagrams with mermaid, as GitHub does. Reads a JSON list of texts, and prints the list of their errors; null for a text
// without an error.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// Mermaid removes markup from labels with DOMPurify, which needs a browser. The diagrams here are texts of this repository.
const purify = new URL("../../examples/web/node_modules/dompurify/dist/purify.es.mjs", import.meta.url);
const { default: DOMPurify } = await import(purify);
Object.assign(DOMPurify, { addHook() {}, sanitize: (text) => text });
const { default: mermaid } = await import(new URL("../../examples/web/node_modules/mermaid/dist/mermaid.core.mjs", import.meta.url));
const errors = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  errors.push(await mermaid.parse(text).then(() => null, (error) => String(error.message)));
}
console.log(JSON.stringify(errors));
