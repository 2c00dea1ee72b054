// The choice of the caller: a person, an entry point and the token, and the tools that this caller is offered.

import { choosePerson, claimsOf, claimsProblem, entryPointOf, toolsOf } from "./caller.js";
import { freshId, h, setText } from "./dom.js";
import { prettyJson } from "./format.js";

/**
 * Shows the choice in `panel`. `onChange(caller)` is called with each new one, also with claims that cannot be read yet.
 *
 * Returns `{ showSession(session, caller), showTools(capabilities | error) }`.
 */
export function createCallerView({ panel, onChange }) {
  let session;
  let caller;
  const person = h("select", { id: freshId("person") });
  const entryPoint = h("select", { id: freshId("entry-point") });
  const token = h(
    "select",
    { id: freshId("token") },
    h("option", { value: "on" }, "is sent"),
    h("option", { value: "off" }, "is not sent"),
    h("option", { value: "wrong" }, "is sent, but wrong"),
  );
  const ownToken = h("input", { id: freshId("own-token"), type: "password", autocomplete: "off" });
  const ownTokenField = field("The token's value", ownToken, h("p", { class: "hint" }, "It lies in a secret that this server does not read."));
  const entryHint = h("p", { class: "hint" });
  const claims = h("textarea", { id: freshId("claims"), class: "mono", rows: "7", spellcheck: "false" });
  const claimsError = h("p", { class: "field-error", id: freshId("claims-error"), role: "alert" });
  const claimsHint = h("p", { class: "hint" });
  const tools = h("div", {});
  claims.setAttribute("aria-describedby", claimsError.id);
  panel.replaceChildren(
    h("h2", {}, "Who sends the requests"),
    field("Person", person),
    field("Claims", claims, claimsHint, claimsError),
    field("Entry point", entryPoint, entryHint),
    field("The token", token),
    ownTokenField,
    h("h2", {}, "The tools that this caller is offered"),
    tools,
  );

  person.addEventListener("change", () => change(choosePerson(session, caller, person.value)));
  entryPoint.addEventListener("change", () => change({ entryPoint: entryPoint.value }));
  token.addEventListener("change", () => change({ token: token.value }));
  ownToken.addEventListener("change", () => change({ ownToken: ownToken.value.trim() }));
  claims.addEventListener("input", () => change({ claimsText: claims.value }));

  function change(part) {
    caller = { ...caller, ...part };
    show();
    onChange(caller);
  }

  function show() {
    const isOwn = caller.person === "custom";
    const point = entryPointOf(session, caller);
    const chosen = claimsOf(session, caller);
    person.value = caller.person;
    entryPoint.value = caller.entryPoint;
    token.value = caller.token;
    ownTokenField.hidden = session.token !== null || caller.token !== "on";
    ownToken.value = caller.ownToken ?? "";
    const text = isOwn ? caller.claimsText : chosen === null ? "" : prettyJson(chosen);
    if (claims.value !== text) claims.value = text;
    claims.readOnly = !isOwn;
    claims.rows = isOwn ? 9 : Math.min(9, Math.max(2, text.split("\n").length));
    claims.placeholder = isOwn ? "" : "An anonymous caller has no claims.";
    const problem = claimsProblem(caller);
    setText(claimsError, problem ?? "");
    claims.setAttribute("aria-invalid", String(problem !== undefined));
    claimsHint.textContent = isOwn ? "Any JSON object. The entry point writes its values as AWS would." : "Choose “Claims of your own” to change them.";
    const lost = chosen !== null && !point?.claims ? " It carries no claims: the function does not know this person." : "";
    entryHint.textContent = `${point?.description ?? ""}${lost}`;
  }

  return {
    showSession(newSession, newCaller) {
      session = newSession;
      caller = newCaller;
      person.replaceChildren(...[...session.people, { id: "custom", name: "Claims of your own" }].map(option));
      entryPoint.replaceChildren(...session.entry_points.map(option));
      show();
    },
    showTools({ capabilities, error }) {
      tools.replaceChildren(error ? refusal(error) : toolList(toolsOf(capabilities)));
    },
  };
}

/** What this caller gets, in a few words beside the caller at the top of the page; empty until the function has answered. */
export function offerInBrief(caller, { capabilities, error } = {}) {
  if (claimsProblem(caller) !== undefined) return "nothing is sent";
  if (error) return "refused";
  if (capabilities === undefined) return "";
  const tools = toolsOf(capabilities);
  const offered = tools.filter((tool) => tool.offered).length;
  return offered === tools.length ? `${offered} tools` : `${offered} of ${tools.length} tools`;
}

/** The tools, those that are offered first, and the reason of each that is not. */
export function toolList(tools) {
  if (tools.length === 0) return h("p", { class: "hint" }, "None.");
  const sorted = [...tools].sort((left, right) => Number(right.offered) - Number(left.offered));
  return h("ul", { class: "tools" }, sorted.map(toolItem));
}

function toolItem({ name, description, offered, reason, needs_approval: needsApproval }) {
  const state = offered ? (needsApproval ? "offered, each call needs an approval" : "offered") : "not offered";
  return h(
    "li",
    { "data-offered": offered ? "yes" : "no" },
    h("p", {}, h("code", { class: "name" }, name), " ", h("span", { class: "state" }, state)),
    description && h("p", { class: "hint" }, description),
    !offered && h("p", { class: "reason" }, reason ?? "The function gives no reason."),
  );
}

function refusal({ status, code, message, hint }) {
  const title = [status > 0 ? `HTTP ${status}` : undefined, code].filter(Boolean).join(" ");
  return h("div", { class: "note error" }, title && h("p", { class: "note-title" }, title), h("p", {}, message), hint && h("p", { class: "hint" }, hint));
}

function field(title, control, ...rest) {
  return h("div", { class: "field" }, h("label", { for: control.id }, title), control, ...rest);
}

function option({ id, name }) {
  return h("option", { value: id }, name);
}
