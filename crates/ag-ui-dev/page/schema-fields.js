// The fields of a form that `schema-form.js` describes.

import { freshId, h } from "./dom.js";
import { readForm } from "./schema-form.js";

/** `{ elements, read }`: the fields, and the answer in them: its `value`, or undefined after showing what is wrong. */
export function createFields(form) {
  const fields = form.fields.map(createField);
  return {
    elements: fields.map(({ element }) => element),
    read() {
      const texts = new Map(fields.map(({ name, text }) => [name, text()]));
      const { value, errors } = readForm(form, texts);
      for (const field of fields) field.showError(errors?.get(field.name));
      if (errors === undefined) return { value };
      fields.find(({ name }) => errors.has(name)).focus();
      return undefined;
    },
  };
}

function createField(field) {
  const id = freshId("field");
  const errorId = `${id}-error`;
  const control = createControl(field, id);
  const error = h("p", { class: "field-error", id: errorId, hidden: true });
  const hints = [field.description, field.kind === "json" ? "As JSON." : undefined].filter(Boolean).join(" ");
  const hint = hints && h("p", { class: "hint", id: `${id}-hint` }, hints);
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  const label = h("label", { for: id }, field.label, field.isRequired ? "" : " (optional)");
  return {
    name: field.name,
    element: h("div", { class: "field" }, label, control, hint, error),
    text: () => control.value,
    focus: () => control.focus(),
    showError(sentence) {
      error.hidden = sentence === undefined;
      error.textContent = sentence ?? "";
      control.setAttribute("aria-invalid", String(sentence !== undefined));
      const described = [hint && `${id}-hint`, sentence && errorId].filter(Boolean).join(" ");
      if (described) control.setAttribute("aria-describedby", described);
      else control.removeAttribute("aria-describedby");
    },
  };
}

function createControl({ kind, choices, preset, isRequired }, id) {
  const options = (entries) => [h("option", { value: "" }, isRequired ? "Choose…" : "(no answer)"), ...entries.map(([value, label]) => h("option", { value }, label))];
  switch (kind) {
    case "choice": {
      const select = h("select", { id }, options(choices.map(({ label }, index) => [String(index), label])));
      const chosen = choices.findIndex(({ value }) => value === preset);
      if (chosen >= 0) select.value = String(chosen);
      return select;
    }
    case "boolean": {
      const select = h("select", { id }, options([["true", "Yes"], ["false", "No"]]));
      if (typeof preset === "boolean") select.value = String(preset);
      return select;
    }
    case "number":
    case "integer":
      return h("input", { id, type: "text", inputmode: kind === "integer" ? "numeric" : "decimal", autocomplete: "off", value: preset ?? "" });
    case "json":
      return h("textarea", { id, rows: "3", spellcheck: "false", class: "mono", value: preset === undefined ? "" : JSON.stringify(preset, null, 2) });
    default:
      return h("input", { id, type: "text", autocomplete: "off", value: preset ?? "" });
  }
}
