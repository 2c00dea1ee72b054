// Tools of the page: what it offers to the model beside the function's own tools.
//
// `change_background` runs by itself. For every other one the page asks the developer for its result.

export const CHANGE_BACKGROUND = {
  name: "change_background",
  description: "Changes the background of the chat.",
  parameters: {
    type: "object",
    properties: { background: { type: "string", description: "A CSS background: a colour or a gradient." } },
    required: ["background"],
  },
};

/** Reads tools that the developer typed, one object or an array: `{ tools }`, or `{ error }` with a sentence. */
export function parseTools(text) {
  if (text.trim() === "") return { tools: [] };
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { error: `The tools are not JSON: ${error.message}.` };
  }
  const tools = [value].flat();
  const names = new Set();
  for (const [index, tool] of tools.entries()) {
    const where = tools.length === 1 ? "The tool" : `Tool ${index + 1}`;
    if (typeof tool !== "object" || tool === null || Array.isArray(tool)) return { error: `${where} is not an object.` };
    if (typeof tool.name !== "string" || tool.name === "") return { error: `${where} has no name.` };
    if (typeof tool.description !== "string") return { error: `${where} (${tool.name}) has no description, which must be a text.` };
    if (tool.parameters !== undefined && (typeof tool.parameters !== "object" || tool.parameters === null)) {
      return { error: `The parameters of ${tool.name} are not a JSON Schema.` };
    }
    if (names.has(tool.name)) return { error: `Two tools are named ${tool.name}.` };
    names.add(tool.name);
  }
  return { tools };
}

/** The tools that a run offers. */
export function offeredTools({ isBackgroundOffered, toolsText }) {
  const own = parseTools(toolsText).tools ?? [];
  const isTaken = own.some(({ name }) => name === CHANGE_BACKGROUND.name);
  return isBackgroundOffered && !isTaken ? [CHANGE_BACKGROUND, ...own] : own;
}

/**
 * The result of a call that needs no person: `{ content, error? }`; undefined for every other tool.
 *
 * `setBackground` returns whether it could take the value.
 */
export function runByItself({ function: { name, arguments: text } }, { isBackgroundOffered, toolsText }, setBackground) {
  const isOwn = (parseTools(toolsText).tools ?? []).some((tool) => tool.name === name);
  if (name !== CHANGE_BACKGROUND.name || !isBackgroundOffered || isOwn) return undefined;
  let background;
  try {
    ({ background } = JSON.parse(text));
  } catch {
    background = undefined;
  }
  if (typeof background === "string" && setBackground(background)) {
    return { content: JSON.stringify({ background, status: "changed" }) };
  }
  const error = "The argument background is not a CSS background.";
  return { content: JSON.stringify({ error }), error };
}
