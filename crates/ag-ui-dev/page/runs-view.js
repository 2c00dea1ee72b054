// Which run the inspector shows: the newest, unless another one is chosen.

import { h, onNextFrame } from "./dom.js";
import { shorten } from "./format.js";

/** Fills `select` with the runs and calls `onShow(run)` with the one to show. */
export function createRunsView({ select, conversation, onShow }) {
  let newest;
  const render = onNextFrame(() => {
    const { runs } = conversation;
    const isNew = runs.at(-1) !== newest;
    newest = runs.at(-1);
    const chosen = isNew ? newest : (runs.find(({ number }) => String(number) === select.value) ?? newest);
    select.replaceChildren(...[...runs].reverse().map(({ number, title, status }) => h("option", { value: String(number) }, `#${number} ${shorten(title, 60)}${status >= 400 ? ` (HTTP ${status})` : ""}`)));
    if (chosen) select.value = String(chosen.number);
    onShow(chosen);
  });
  select.addEventListener("change", () => onShow(conversation.runs.find(({ number }) => String(number) === select.value)));
  conversation.addEventListener("runs", render);
  return { render };
}
