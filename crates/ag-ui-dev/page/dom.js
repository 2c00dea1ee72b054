// Elements made from data. Data only ever becomes text or an attribute's value, never HTML.

/**
 * An element with attributes, listeners (`onclick` and the like) and children.
 *
 * Attributes that are false, null or undefined are left out. `value`, `checked` and `open` are set as properties.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "open") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

let lastId = 0;

/** An id that no other element has. */
export function freshId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** Sets a text only if it has changed, so that a screen reader does not read it twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes the children of `parent` those of `items`, keeping the views of keys that stay.
 *
 * `create(item)` returns a view, `{ element, update(item) }`; `views` is the map that remembers them.
 */
export function reconcile(parent, views, items, create) {
  const keys = new Set(items.map(({ key }) => key));
  for (const [key, view] of views) {
    if (keys.has(key)) continue;
    view.element.remove();
    views.delete(key);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    let view = views.get(item.key);
    if (view === undefined) {
      view = create(item);
      views.set(item.key, view);
    }
    view.update(item);
    if (view.element === place) place = place.nextElementSibling;
    else parent.insertBefore(view.element, place);
  }
}

/** Calls `render` once in the next frame, however often it is called. */
export function onNextFrame(render) {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      render();
    });
  };
}

/** A block of text that scrolls; with the keyboard, too, if it is longer than its place. */
export function scrollingText(label) {
  const element = h("pre", { class: "code" });
  const measure = onNextFrame(() => {
    if (element.scrollHeight <= element.clientHeight + 1 && element.scrollWidth <= element.clientWidth + 1) return;
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", label);
  });
  return {
    element,
    update(text) {
      if (element.textContent === text) return;
      element.textContent = text;
      measure();
    },
  };
}
