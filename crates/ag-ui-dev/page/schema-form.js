// Describes the form whose answer fits a JSON Schema.
//
// It understands what answers are usually made of: text, numbers, yes or no, and one of several values; for everything
// else there is a field for JSON. It checks what a person can get wrong in a field. The function checks the
// complete answer, and asks again if it does not fit.

/** `{ isObject, fields }`: the members of an object, or one field without a name for any other schema. */
export function describeForm(schema) {
  const root = resolve(schema, schema);
  const names = Object.keys(root.properties ?? {});
  if (root.type !== "object" || names.length === 0) {
    return { isObject: false, fields: [field(schema, schema, "", true)] };
  }
  const required = new Set(root.required ?? []);
  return { isObject: true, fields: names.map((name) => field(schema, root.properties[name], name, required.has(name))) };
}

/**
 * The answer that the texts of the fields make: `{ value }`, or `{ errors }`, which maps names to sentences.
 *
 * `texts` maps the name of a field to its text; of a yes-or-no field to `true`, `false` or an empty text.
 */
export function readForm(form, texts) {
  const errors = new Map();
  const members = [];
  for (const field of form.fields) {
    const read = readField(field, texts.get(field.name) ?? "");
    if (read.error !== undefined) errors.set(field.name, read.error);
    else if (read.value !== undefined) members.push([field.name, read.value]);
  }
  if (errors.size > 0) return { errors };
  return { value: form.isObject ? Object.fromEntries(members) : members[0]?.[1] };
}

function field(root, schema, name, isRequired) {
  let resolved = resolve(root, schema);
  let isNullable = false;
  const kinds = [resolved.type].flat();
  if (kinds.includes("null") && kinds.length > 1) {
    isNullable = true;
    const type = kinds.filter((kind) => kind !== "null");
    resolved = { ...resolved, type: type.length === 1 ? type[0] : type };
  }
  const { title, description, default: preset } = { ...resolved, ...schema };
  const common = { name, label: title ?? (name || "Answer"), description, preset, isRequired: isRequired && !isNullable };
  const choices = choicesOf(resolved);
  if (choices !== undefined) return { ...common, kind: "choice", choices };
  const { type, minimum, maximum, minLength, maxLength } = resolved;
  if (type === "string") return { ...common, kind: "text", minLength, maxLength };
  if (type === "number" || type === "integer") return { ...common, kind: type, minimum, maximum };
  if (type === "boolean") return { ...common, kind: "boolean" };
  return { ...common, kind: "json" };
}

/** Follows `$ref` within the schema, and an `anyOf` or `oneOf` whose only other branch is null. */
function resolve(root, schema, depth = 0) {
  if (typeof schema !== "object" || schema === null || depth > 8) return {};
  if (typeof schema.$ref === "string") {
    const target = schema.$ref.split("/").slice(1).reduce((value, name) => value?.[name], root);
    return resolve(root, target, depth + 1);
  }
  if (schema.allOf?.length === 1) return { ...schema, ...resolve(root, schema.allOf[0], depth + 1) };
  const branches = schema.anyOf ?? schema.oneOf ?? [];
  const others = branches.filter(({ type }) => type !== "null");
  if (branches.length === 2 && others.length === 1) {
    const inner = resolve(root, others[0], depth + 1);
    return { ...inner, type: [inner.type, "null"].flat() };
  }
  return schema;
}

function choicesOf(schema) {
  const branches = schema.oneOf ?? schema.anyOf;
  if (branches?.every((branch) => Object.hasOwn(branch, "const"))) {
    return branches.map((branch) => ({ value: branch.const, label: branch.title ?? branch.description ?? labelOf(branch.const) }));
  }
  const values = schema.enum ?? (Object.hasOwn(schema, "const") ? [schema.const] : undefined);
  return values?.filter((value) => value !== null).map((value) => ({ value, label: labelOf(value) }));
}

function labelOf(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function readField(field, text) {
  if (text === "") return field.isRequired && field.kind !== "text" ? { error: "This is needed." } : emptyText(field);
  switch (field.kind) {
    case "text":
      if (text.length < (field.minLength ?? 0)) return { error: `At least ${field.minLength} characters are needed.` };
      if (text.length > (field.maxLength ?? Infinity)) return { error: `At most ${field.maxLength} characters are allowed.` };
      return { value: text };
    case "number":
    case "integer":
      return readNumber(field, text);
    case "boolean":
      return { value: text === true || text === "true" };
    case "choice":
      return { value: field.choices[Number(text)]?.value };
    default:
      try {
        return { value: JSON.parse(text) };
      } catch (error) {
        return { error: `This is not JSON: ${error.message}` };
      }
  }
}

/** An empty text is an answer if the field is required, and no answer if it is optional. */
function emptyText(field) {
  if (!field.isRequired || field.kind !== "text") return {};
  return field.minLength > 0 ? { error: "This is needed." } : { value: "" };
}

function readNumber({ kind, minimum = -Infinity, maximum = Infinity }, text) {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return { error: "This is not a number." };
  if (kind === "integer" && !Number.isInteger(value)) return { error: "This is not a whole number." };
  if (value < minimum) return { error: `The smallest number is ${minimum}.` };
  if (value > maximum) return { error: `The largest number is ${maximum}.` };
  return { value };
}
