// JSON Patch (RFC 6902) on JSON Pointers (RFC 6901).
//
// A patch is applied completely or not at all, and never changes the document that it is given.

/** The document after `operations`. Throws an `Error` that names the first operation that does not apply. */
export function applyPatch(document, operations) {
  if (!Array.isArray(operations)) throw new Error("a patch is an array of operations");
  let result = structuredClone(document);
  operations.forEach((operation, index) => {
    try {
      result = applyOne(result, operation);
    } catch (error) {
      throw new Error(`operation ${index} (${operation?.op} ${operation?.path}): ${error.message}`);
    }
  });
  return result;
}

/** The names on the way to a value: `/a~1b/0` is `["a/b", "0"]`. */
export function parsePointer(pointer) {
  if (typeof pointer !== "string" || !/^(\/([^/~]|~[01])*)*$/.test(pointer)) {
    throw new Error(`${JSON.stringify(pointer)} is not a JSON Pointer`);
  }
  return pointer.split("/").slice(1).map((name) => name.replace(/~1/g, "/").replace(/~0/g, "~"));
}

/** One name as it stands in a pointer. */
export function escapeName(name) {
  return String(name).replace(/~/g, "~0").replace(/\//g, "~1");
}

/** Whether two JSON values are the same, whatever the order of their members. */
export function isSame(left, right) {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && isSame(left[name], right[name]))
  );
}

function applyOne(document, operation) {
  const { op, from } = operation;
  const path = parsePointer(operation.path);
  switch (op) {
    case "add":
      return add(document, path, valueOf(operation));
    case "replace":
      read(document, path);
      return add(remove(document, path), path, valueOf(operation));
    case "remove":
      read(document, path);
      return remove(document, path);
    case "copy":
      return add(document, path, structuredClone(read(document, parsePointer(from))));
    case "move": {
      const source = parsePointer(from);
      const value = read(document, source);
      if (path.length > source.length && source.every((name, index) => name === path[index])) {
        throw new Error("a value cannot be moved into itself");
      }
      return add(remove(document, source), path, value);
    }
    case "test":
      if (!isSame(read(document, path), valueOf(operation))) throw new Error("the value is another one");
      return document;
    default:
      throw new Error("there is no such operation");
  }
}

function valueOf(operation) {
  if (!Object.hasOwn(operation, "value")) throw new Error("it has no value");
  return structuredClone(operation.value);
}

function read(document, path) {
  return path.reduce((value, name) => {
    const key = Array.isArray(value) ? indexOf(value, name, value.length - 1) : name;
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) {
      throw new Error(`there is nothing at ${JSON.stringify(name)}`);
    }
    return value[key];
  }, document);
}

function add(document, path, value) {
  if (path.length === 0) return value;
  const parent = read(document, path.slice(0, -1));
  const name = path.at(-1);
  if (Array.isArray(parent)) {
    parent.splice(name === "-" ? parent.length : indexOf(parent, name, parent.length), 0, value);
  } else if (typeof parent === "object" && parent !== null) {
    // Not an assignment: a member named __proto__ would change the prototype.
    Object.defineProperty(parent, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    throw new Error("its parent is neither an object nor an array");
  }
  return document;
}

/** `read` has found the value before. */
function remove(document, path) {
  if (path.length === 0) return undefined;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(path.at(-1)), 1);
  else delete parent[path.at(-1)];
  return document;
}

function indexOf(array, name, last) {
  if (!/^(0|[1-9]\d*)$/.test(name) || Number(name) > last) {
    throw new Error(`${JSON.stringify(name)} is not an index of an array of ${array.length}`);
  }
  return Number(name);
}
