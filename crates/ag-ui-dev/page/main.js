// Puts the page together: the key, the session, the conversation, and the views of them.

import { createApi } from "./api.js";
import { callerHeaders, claimsProblem, describeCaller, fittingCaller, NOT_SENT, toolsOf } from "./caller.js";
import { createCallerView, offerInBrief, toolList } from "./caller-view.js";
import { createChatView } from "./chat-view.js";
import { createComposer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { h } from "./dom.js";
import { createFaultsView } from "./faults-view.js";
import { createFramesView } from "./frames-view.js";
import { offeredTools, runByItself } from "./frontend-tools.js";
import { askForKey } from "./key-form.js";
import { createLogView } from "./log-view.js";
import { promptsFor } from "./prompts.js";
import { createRequestView } from "./request-view.js";
import { createRunsView } from "./runs-view.js";
import { createStateView } from "./state-view.js";
import { load, save, takeKey } from "./storage.js";
import { createTabs } from "./tabs.js";
import { createToolsView } from "./tools-view.js";
import { createWaitingView } from "./waiting-view.js";

const RUN_TABS = ["frames", "log", "request"];
const LOG_PAUSE_MS = 2000;
const REFRESH_PAUSE_MS = 500;

const find = (selector) => document.querySelector(selector);
const panel = (id) => find(`#panel-${id}`);
let api;
let session;
let caller;
let pageTools = load("pageTools") ?? { isBackgroundOffered: true, toolsText: "" };
/** Counts the requests for capabilities, since only the response to the last one counts. */
let capabilityRequests = 0;
let isRefreshing = false;

// The printed address may be opened in a tab that has the page already.
addEventListener("hashchange", () => {
  if (location.hash.includes("key=") && takeKey()) location.reload();
});
await start();

async function start() {
  const key = takeKey();
  if (!key) return needKey();
  api = createApi(key);
  try {
    session = await api.session();
  } catch (error) {
    return error.status === 401 ? needKey("The server does not know this key. It may have been started anew: the terminal has the new address.") : showFailure(error);
  }
  caller = fittingCaller(session, load("caller"));
  build();
}

function needKey(reason) {
  for (const selector of [".who", "#new-thread", ".switch"]) find(selector).hidden = true;
  askForKey({ root: find("#key"), app: find("#app"), reason });
}

function showFailure(error) {
  const retry = h("button", { type: "button", class: "primary", onclick: () => location.reload() }, "Try again");
  find("#key").replaceChildren(h("div", { class: "note error", role: "alert" }, h("p", { class: "note-title" }, error.message), h("p", {}, error.hint ?? ""), retry));
  find("#key").hidden = false;
}

function build() {
  find("#app").hidden = false;
  for (const selector of [".who", "#new-thread", ".switch"]) find(selector).hidden = false;
  const conversation = new Conversation({ api, prepare, maySend, runTool: (call) => runByItself(call, pageTools, setBackground) });
  const composer = createComposer({ form: find("#composer"), conversation });
  const callerView = createCallerView({ panel: panel("caller"), onChange: changeCaller });
  const framesView = createFramesView({ panel: panel("frames"), conversation });
  const logView = createLogView({ panel: panel("log"), isAll: load("allLines") ?? false, onSetting: (isAll) => save("allLines", isAll) });
  const requestView = createRequestView({ panel: panel("request"), api: () => api });
  const faultsView = createFaultsView({ panel: panel("faults"), api: () => api, onChanged: () => refresh() });
  createToolsView({ panel: panel("tools"), settings: pageTools, onChange: (settings) => save("pageTools", (pageTools = settings)) });

  let shownTab;
  let shownRun;
  const hasFaults = session.faults.length > 0;
  const titles = [["caller", "Caller"], ["frames", "Frames"], ["log", "Log"], ["state", "State"], ["request", "Request"], ["tools", "Page tools"], ...(hasFaults ? [["faults", "Faults"]] : [])];
  const tabs = createTabs({
    list: find("#tabs"),
    panels: titles.map(([id, title]) => ({ id, title, panel: panel(id) })),
    onShow(id) {
      shownTab = id;
      save("tab", id);
      find("#run-choice").hidden = !RUN_TABS.includes(id) || conversation.runs.length === 0;
      if (id === "request") requestView.show(shownRun);
    },
  });
  const runsView = createRunsView({
    select: find("#run"),
    conversation,
    onShow(run) {
      shownRun = run;
      find("#run-choice").hidden = !RUN_TABS.includes(shownTab) || run === undefined;
      framesView.show(run);
      logView.show(run);
      if (shownTab === "request") requestView.show(run);
    },
  });
  const stateView = createStateView({ panel: panel("state"), conversation, onNews: () => tabs.mark("state") });
  const chatView = createChatView({ list: find("#messages"), empty: find("#welcome"), conversation });
  const waitingView = createWaitingView({ root: find("#waiting"), conversation, onAnswered: composer.focus });
  const kept = load("tab");
  tabs.show(titles.some(([id]) => id === kept) ? kept : "caller");

  setUpViewSwitch();
  keepThread(conversation);
  find("#change-caller").addEventListener("click", () => {
    showSide("inspector");
    tabs.show("caller");
    panel("caller").querySelector("select").focus();
  });
  find("#new-thread").addEventListener("click", () => {
    conversation.startNewThread();
    setBackground("");
    composer.focus();
  });
  for (const view of [chatView, waitingView, stateView, runsView]) view.render();
  showSession();
  followLog();

  function changeCaller(changed) {
    const hadProblem = claimsProblem(caller) !== undefined;
    caller = changed;
    save("caller", caller);
    if (hadProblem && claimsProblem(caller) === undefined) composer.showProblem("");
    showCaller();
  }

  /** Whether the chosen caller can be sent; the form of the message says why not. */
  function maySend() {
    const hasProblem = claimsProblem(caller) !== undefined;
    composer.showProblem(hasProblem ? NOT_SENT : "");
    return !hasProblem;
  }

  function showSession() {
    const { name, model } = session.function;
    document.title = `${name} on this machine`;
    find("#function-name").textContent = name;
    const isScript = model?.startsWith("scripted/") ?? false;
    find("#model").textContent = isScript ? `${model}: a script, not a language model` : (model ?? "");
    find("#script-notice").hidden = !isScript;
    find("#script-notice").textContent = `The model is ${model}. It is a script and not a language model: it does what it finds in a message by a few rules.`;
    callerView.showSession(session, caller);
    faultsView.show(session.faults);
    return showCaller();
  }

  function usePrompt({ text, isDraft }) {
    if (isDraft) return composer.draft(text);
    composer.focus();
    composer.send(text);
  }

  /** The line at the top of the page, which the style sheet shortens if it is long. Its title has all of it. */
  function showCallerLine(answer) {
    const line = find("#caller-line");
    line.textContent = describeCaller(session, caller);
    line.title = line.textContent;
    find("#caller-offer").textContent = offerInBrief(caller, answer);
  }

  /** Shows who the caller is, and asks the function again what this caller may do. */
  async function showCaller() {
    capabilityRequests += 1;
    const requestNumber = capabilityRequests;
    showCallerLine();
    let answer;
    try {
      answer = { capabilities: await api.capabilities(callerHeaders(session, caller)) };
    } catch (error) {
      answer = { error };
    }
    if (requestNumber !== capabilityRequests) return;
    showCallerLine(answer);
    callerView.showTools(answer);
    const refused = h("p", { class: "reason" }, "No tools. ", answer.error?.message ?? "");
    const tools = answer.error ? [] : toolsOf(answer.capabilities);
    find("#welcome-tools").replaceChildren(answer.error ? refused : toolList(tools));
    const callable = [...(answer.capabilities?.tools?.items ?? []), ...offeredTools(pageTools)];
    const prompts = answer.error ? [] : promptsFor(callable, session.function.model?.startsWith("scripted/") ?? false);
    find("#prompts").replaceChildren(...prompts.map((prompt) => h("button", { type: "button", onclick: () => usePrompt(prompt) }, prompt.label)));
  }

  async function refresh() {
    try {
      session = await api.session();
      caller = fittingCaller(session, caller);
      await showSession();
    } catch (error) {
      if (error.status === 401) needKey("The server has another key by now. The terminal has the new address.");
    }
  }

  /** Refreshes the session after something happened to the function. A refresh causes no further refresh. */
  function refreshSoon() {
    if (isRefreshing) return;
    isRefreshing = true;
    setTimeout(async () => {
      await refresh();
      isRefreshing = false;
    }, REFRESH_PAUSE_MS);
  }

  async function followLog() {
    for (let isFirst = true; ; isFirst = false) {
      logView.reset();
      // The first lines are old ones, whose effects the session already has.
      const connected = Date.now();
      try {
        await api.readLog((line) => {
          logView.setProblem("");
          logView.add(line);
          if (line.server !== undefined && Date.now() - connected > 1000) refreshSoon();
        });
      } catch (error) {
        if (error.status === 401) return void needKey("The server has another key by now. The terminal has the new address.");
      }
      logView.setProblem("The log is not connected. Trying again…");
      await new Promise((resolve) => setTimeout(resolve, LOG_PAUSE_MS));
      if (!isFirst) refresh();
    }
  }
}

/** The request of a run by the chosen caller. */
function prepare(input) {
  const { threadId, runId, protocolVersion, state, messages, ...rest } = input;
  const body = JSON.stringify({ threadId, runId, protocolVersion, state, messages, tools: offeredTools(pageTools), ...rest });
  const headers = { "content-type": "application/json", accept: "text/event-stream", ...callerHeaders(session, caller) };
  return { method: "POST", path: "/", headers, body };
}

/** Sets the background and returns whether the browser accepts the value. An empty value resets it. */
function setBackground(value) {
  if (value !== "" && !CSS.supports("background", value)) return false;
  find("#transcript").style.background = value;
  save("background", value || undefined);
  return true;
}

/** The thread outlives a reload of the page, an open approval included. */
function keepThread(conversation) {
  const kept = load("thread");
  if (kept?.thread) conversation.restore(kept);
  const background = load("background");
  if (background) setBackground(background);
  let isTooLarge = false;
  const keep = () => {
    if (save("thread", conversation.snapshot()) || isTooLarge) return;
    isTooLarge = true;
    save("thread", undefined);
    conversation.inform("This thread has become too large to be kept: a reload of the page will lose it.");
  };
  conversation.addEventListener("runs", keep);
  conversation.addEventListener("change", () => {
    if (!conversation.isRunning) keep();
  });
  addEventListener("pagehide", keep);
}

/** On a narrow screen one of the two sides is shown. */
function setUpViewSwitch() {
  for (const button of document.querySelectorAll(".switch button")) button.addEventListener("click", () => showSide(button.dataset.view));
}

function showSide(side) {
  document.body.dataset.view = side;
  for (const button of document.querySelectorAll(".switch button")) button.setAttribute("aria-pressed", String(button.dataset.view === side));
}
