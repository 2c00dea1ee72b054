// The form that asks for the key, if the address has none or the server has a new one.

import { save } from "./storage.js";

/** Shows the form in place of the page. A key that is entered reloads the page. */
export function askForKey({ root, app, reason }) {
  const form = root.querySelector("form");
  const input = root.querySelector("input");
  app.hidden = true;
  root.hidden = false;
  if (reason) root.querySelector("#key-reason").textContent = reason;
  input.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = input.value.trim();
    // The key may be pasted from the address, where it is percent-encoded, or by itself.
    const key = text.includes("#") ? new URLSearchParams(text.slice(text.indexOf("#") + 1)).get("key") ?? "" : text;
    if (key === "" || /[^\x21-\x7e]/.test(key)) {
      root.querySelector(".field-error").textContent = "Paste the address that the terminal printed; it ends in #key= and the key.";
      input.focus();
      return;
    }
    save("key", key);
    location.reload();
  };
}
