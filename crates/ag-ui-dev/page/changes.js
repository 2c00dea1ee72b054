// What differs between two JSON values, for marking it on the page.

import { escapeName, isSame } from "./patch.js";

/** The pointers of all values in `after` that are new or changed, and of the values in `before` that are gone. */
export function changesBetween(before, after) {
  const changed = new Set();
  const removed = [];
  compare(before, after, "");
  return { changed, removed };

  function compare(left, right, pointer) {
    if (isSame(left, right)) return;
    const isTree = isContainer(left) && isContainer(right) && Array.isArray(left) === Array.isArray(right);
    if (!isTree) {
      changed.add(pointer);
      return;
    }
    for (const name of Object.keys(right)) {
      const child = `${pointer}/${escapeName(name)}`;
      if (Object.hasOwn(left, name)) compare(left[name], right[name], child);
      else changed.add(child);
    }
    for (const name of Object.keys(left)) {
      if (!Object.hasOwn(right, name)) removed.push(`${pointer}/${escapeName(name)}`);
    }
  }
}

function isContainer(value) {
  return typeof value === "object" && value !== null;
}
