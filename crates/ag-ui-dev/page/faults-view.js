// The faults that the development server can inject, to see how the agent and the page behave.

import { freshId, h } from "./dom.js";

/** Shows the faults in `panel`; `onChanged` is called after one was set. */
export function createFaultsView({ panel, api, onChanged }) {
  const status = h("p", { class: "fault-result", role: "status" });
  const list = h("div", { class: "faults" });
  panel.replaceChildren(h("p", { class: "intro" }, "What can go wrong on AWS. A fault stays until it is taken back."), list, status);

  async function set({ id, name }, value, done) {
    status.textContent = `${name}…`;
    try {
      show(await api().setFault(id, value), id);
      status.textContent = `${name}: ${done}.`;
      onChanged();
    } catch (error) {
      status.textContent = `${name}: ${error.message}`;
    }
  }

  /** Shows them; the focus stays on the one that was just set. */
  function show(faults, focused) {
    list.replaceChildren(...faults.map((fault) => faultView(fault, set)));
    if (focused !== undefined) list.querySelector(`[data-fault="${CSS.escape(focused)}"] :is(button, input, select)`)?.focus();
  }

  return { show };
}

function faultView(fault, set) {
  const { id, name, kind, value } = fault;
  const controlId = freshId("fault");
  const row = (...children) => h("div", { class: "fault", "data-fault": id, "data-on": isOn(fault) ? "yes" : "no" }, children);
  switch (kind) {
    case "action":
      return row(h("button", { type: "button", onclick: () => set(fault, true, "done") }, name));
    case "switch":
      return row(
        h("button", { type: "button", role: "switch", "aria-checked": String(value === true), onclick: () => set(fault, !value, value ? "off" : "on") }, h("span", { class: "switch-mark" }), name),
      );
    case "choice": {
      const select = h("select", { id: controlId }, fault.choices.map((choice) => h("option", { value: choice }, choice)));
      select.value = value;
      select.addEventListener("change", () => set(fault, select.value, select.value));
      return row(h("label", { for: controlId }, name), select);
    }
    case "number": {
      const input = h("input", { id: controlId, type: "number", min: "0", step: "1", value: value ?? "" });
      const apply = (event) => {
        event.preventDefault();
        if (input.value === "") set(fault, null, "off");
        else set(fault, Number(input.value), `set to ${input.value}`);
      };
      const form = h(
        "form",
        { onsubmit: apply },
        h("label", { for: controlId }, name),
        input,
        h("button", { "aria-label": `Set: ${name}` }, "Set"),
        h("button", { type: "button", "aria-label": `Clear: ${name}`, disabled: value === null, onclick: () => set(fault, null, "off") }, "Clear"),
      );
      return row(form);
    }
    default:
      return row(h("span", {}, `${name}: this page does not know faults of the kind ${kind}.`));
  }
}

function isOn({ kind, value, choices }) {
  if (kind === "choice") return value !== choices[0];
  return value !== null && value !== undefined && value !== false;
}
