// Stores values in this tab's session storage, so that a reload loses nothing.

const PREFIX = "ag-ui-dev.";

/** The value that was stored under this name, or undefined. */
export function load(name) {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Stores a value and returns whether there was space for it. `undefined` removes the value. */
export function save(name, value) {
  try {
    if (value === undefined) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Takes the key from the address, or the key that was stored. It is removed from the address. */
export function takeKey() {
  const fromAddress = new URLSearchParams(location.hash.slice(1)).get("key");
  if (fromAddress) {
    save("key", fromAddress);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return fromAddress || load("key");
}
