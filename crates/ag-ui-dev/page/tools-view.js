// The tools of the page: the built-in one, and those that the developer adds as JSON.

import { freshId, h } from "./dom.js";
import { CHANGE_BACKGROUND, parseTools } from "./frontend-tools.js";
import { prettyJson } from "./format.js";

const EXAMPLE = prettyJson([
  {
    name: "pick_colour",
    description: "Lets the user pick a colour.",
    parameters: { type: "object", properties: { title: { type: "string" } }, required: ["title"] },
  },
]);

/** Shows them in `panel`; `onChange(settings)` is called with what can be offered. */
export function createToolsView({ panel, settings, onChange }) {
  let current = settings;
  const builtIn = h("input", { type: "checkbox", id: freshId("background"), checked: settings.isBackgroundOffered });
  const text = h("textarea", { id: freshId("tools"), class: "mono", rows: "12", spellcheck: "false", value: settings.toolsText, placeholder: EXAMPLE });
  const error = h("p", { class: "field-error", id: freshId("tools-error"), role: "alert" });
  const count = h("p", { class: "hint", role: "status" });
  const example = h("button", { type: "button", class: "small", onclick: insertExample }, "Insert an example");
  text.setAttribute("aria-describedby", error.id);
  panel.replaceChildren(
    h("p", { class: "intro" }, "The model may call these tools, too. They run here, on the page, and not in the function."),
    h("div", { class: "check" }, builtIn, h("label", { for: builtIn.id }, h("code", {}, CHANGE_BACKGROUND.name), " changes the background of the chat by itself")),
    h("div", { class: "field" }, h("label", { for: text.id }, "Tools of your own, as JSON"), text, error, count),
    h("div", { class: "buttons" }, example),
    h("p", { class: "hint" }, "Each has a name, a description and, as parameters, a JSON Schema. When the model calls one, the page asks you for its result."),
  );
  builtIn.addEventListener("change", () => change({ isBackgroundOffered: builtIn.checked }));
  text.addEventListener("input", read);
  show();

  function insertExample() {
    text.value = EXAMPLE;
    read();
    text.focus();
    text.setSelectionRange(0, 0);
    text.scrollTop = 0;
  }

  function read() {
    if (parseTools(text.value).error === undefined) change({ toolsText: text.value });
    else show();
  }

  function change(part) {
    current = { ...current, ...part };
    show();
    onChange(current);
  }

  function show() {
    const { error: sentence, tools } = parseTools(text.value);
    error.textContent = sentence ?? "";
    text.setAttribute("aria-invalid", String(sentence !== undefined));
    count.textContent = tools?.length > 0 ? `Offered: ${tools.map(({ name }) => name).join(", ")}.` : "";
  }
}
