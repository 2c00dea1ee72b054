/** The result of a tool, which arrives as text. Tools that did not succeed have a member `error`. */
export function parseResult(result: unknown): Record<string, any> {
  if (typeof result !== "string") return Object(result);
  try {
    return Object(JSON.parse(result));
  } catch {
    return { text: result };
  }
}
