// The request of a run as a curl command and as the Lambda event that the entry point makes of it.

import { h } from "./dom.js";
import { prettyJson, prettyText } from "./format.js";

/** Shows the request of the run that is chosen in `panel`. */
export function createRequestView({ panel, api }) {
  let run;
  panel.replaceChildren(nothing());

  async function show(chosen) {
    if (chosen === run) return;
    run = chosen;
    if (run === undefined) {
      panel.replaceChildren(nothing());
      return;
    }
    const { request } = run;
    panel.replaceChildren(h("p", { class: "hint" }, "Asking the development server…"));
    let parts;
    try {
      const { "x-agui-dev-as": as, ...headers } = request.headers;
      const { curl, event } = await api().describe({ ...request, headers, as: JSON.parse(as) });
      parts = [
        ...section("As curl", curl, "run.sh", "text/x-shellscript", "Sends the same request to this development server. It holds the token."),
        ...section("As an event file", `${prettyJson(event)}\n`, "event.json", "application/json", "What Lambda hands to the function, for make invoke EVENT=event.json. It holds the token that was sent."),
      ];
    } catch (error) {
      parts = [h("div", { class: "note error" }, h("p", { class: "note-title" }, error.code ?? "Error"), h("p", {}, error.message))];
    }
    // Another run may have been chosen in the meantime.
    if (run !== chosen) return;
    panel.replaceChildren(...parts, ...section("The input of the run", prettyText(request.body), "input.json", "application/json"));
  }

  return { show };
}

function nothing() {
  return h("p", { class: "hint" }, "No run yet. The request of each run is shown here, as curl and as an event file.");
}

function section(title, text, fileName, type, hint) {
  const status = h("span", { role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = "Copied.";
    } catch {
      status.textContent = "The browser does not allow it: select the text and copy it.";
    }
  };
  return [
    h("h2", {}, title),
    hint && h("p", { class: "hint" }, hint),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "small", onclick: copy, "aria-label": `Copy: ${title}` }, "Copy"),
      h("button", { type: "button", class: "small", onclick: () => download(text, fileName, type), "aria-label": `Download: ${title}` }, "Download"),
      status,
    ),
    h("pre", { class: "code tall", tabindex: "0", role: "group", "aria-label": title }, text),
  ].filter(Boolean);
}

function download(text, fileName, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: fileName }).click();
  // The URL is revoked later, since the browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
