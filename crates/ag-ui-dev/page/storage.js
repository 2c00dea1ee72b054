// What the page keeps in this tab's session storage, so that a reload loses nothing.

const PREFIX = "ag-ui-dev.";

/** The value that was kept under this name, or undefined. */
export function load(name) {
  try {
    const text = sessionStorage.getItem(PREFIX + name);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keeps a value; returns whether there was room for it. Undefined removes it. */
export function save(name, value) {
  try {
    if (value === undefined) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Takes the key from the address, or the one that was kept. The address does not show it afterwards. */
export function takeKey() {
  const fromAddress = new URLSearchParams(location.hash.slice(1)).get("key");
  if (fromAddress) {
    save("key", fromAddress);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return fromAddress || load("key");
}
