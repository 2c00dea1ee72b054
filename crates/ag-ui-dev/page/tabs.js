// Tabs, as the ARIA practices describe them: one tab stop, arrow keys, Home and End.

import { h } from "./dom.js";

/**
 * Makes the tabs of `panels`, `[{ id, title, panel }]`, in `list`.
 *
 * `onShow(id)` is called whenever a panel comes into view. Returns `{ show(id), mark(id) }`; a marked tab has news.
 */
export function createTabs({ list, panels, onShow = () => {} }) {
  const tabs = panels.map(({ id, title, panel }) => {
    const tab = h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": panel.id, tabindex: "-1" }, title);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => show(id));
    return { id, tab, panel };
  });
  list.setAttribute("role", "tablist");
  list.replaceChildren(...tabs.map(({ tab }) => tab));
  list.addEventListener("keydown", (event) => {
    const at = tabs.findIndex(({ tab }) => tab === event.target);
    const last = tabs.length - 1;
    const targets = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last };
    const target = targets[event.key];
    if (at < 0 || target === undefined) return;
    event.preventDefault();
    show(tabs[target].id);
    tabs[target].tab.focus();
  });

  function show(id) {
    for (const entry of tabs) {
      const isShown = entry.id === id;
      entry.tab.setAttribute("aria-selected", String(isShown));
      entry.tab.tabIndex = isShown ? 0 : -1;
      entry.panel.hidden = !isShown;
      if (!isShown) continue;
      delete entry.tab.dataset.news;
      entry.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    onShow(id);
  }

  function mark(id) {
    const entry = tabs.find((other) => other.id === id);
    if (entry?.panel.hidden) entry.tab.dataset.news = "";
  }

  return { show, mark };
}
