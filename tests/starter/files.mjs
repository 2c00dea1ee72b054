// Changes files as a step of a guide says.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Makes or changes a file of the project. Throws if the file is not as the step expects it. */
export function changeFile(project, { verb, file, beside, block }) {
  const path = join(project, file);
  if (verb === "new") {
    if (existsSync(path)) throw new Error(`${file} is there already`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, block);
    return;
  }
  if (!existsSync(path)) throw new Error(`there is no ${file}`);
  const before = readFileSync(path, "utf8");
  writeFileSync(path, verb === "append" ? `${before}\n${block}` : atLine(before, { verb, file, beside, block }));
}

/** The text with the block below a line, above it, or in its place. */
function atLine(before, { verb, file, beside, block }) {
  const lines = before.split("\n");
  const found = lines.flatMap((text, index) => (text.trim() === beside.trim() ? [index] : []));
  if (found.length !== 1) throw new Error(`${file} has the line ${found.length} times: ${beside}`);
  const at = verb === "below" ? found[0] + 1 : found[0];
  lines.splice(at, verb === "replace" ? 1 : 0, ...block.replace(/\n$/, "").split("\n"));
  return lines.join("\n");
}
