// What the pages of the AG-UI dojo do with the demo agent (examples/dojo), feature by feature. Three of its features are
// played with the template's own scenarios: agentic chat is `frontend`, backend tool rendering is `tool`, and the
// approval is `approval`.

import { isDeepStrictEqual } from "node:util";

import { endedIn, historyIs } from "./checks.mjs";
import { callsOf, isJsonObject } from "./wire.mjs";

export const dojo = { choice, meeting, plan, haiku, recipe, story, reasoning, multimodal, error };

/** A PNG of one pixel. */
export const picture = {
  type: "image",
  source: {
    type: "data",
    mimeType: "image/png",
    value: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  },
};

/** A tool of a front end. */
const tool = (name, properties) => ({
  name,
  description: `The front end's ${name}`,
  parameters: { type: "object", properties, required: Object.keys(properties) },
});
const text = { type: "string" };
const list = (items) => ({ type: "array", items });

/** Human in the loop: the model proposes steps in small pieces, the user keeps some of them. */
async function choice(conversation) {
  const { check } = conversation;
  const step = { type: "object", properties: { description: text, status: text } };
  const { args } = await frontendCall(conversation, "Make a plan", tool("generate_task_steps", { steps: list(step) }), {
    answer: ({ steps }) => ({ accepted: true, steps: steps?.slice(0, 2) }),
    pieces: 4,
  });
  const isEnabled = ({ description, status }) => description && status === "enabled";
  check(args.steps?.length === 3 && args.steps.every(isEnabled), `the steps are ${JSON.stringify(args.steps)}`);
}

/** Tool-based generative UI: a call is what the front end draws. */
async function haiku(conversation) {
  const { check } = conversation;
  const properties = { japanese: list(text), english: list(text), image_name: text, gradient: text };
  const { args } = await frontendCall(conversation, "Write a haiku", tool("generate_haiku", properties));
  check(args.japanese?.length === 3 && args.english?.length === 3, `the haiku is ${JSON.stringify(args)}`);
  check(/^linear-gradient/.test(args.gradient) && args.image_name, `it is drawn as ${JSON.stringify(args)}`);
}

/** Predictive state: the document grows in the client's state while it is written, and the front end keeps it there. */
async function story(conversation) {
  const { check, share, state } = conversation;
  share({ document: "", title: "A story" });
  const { args, first, second } = await frontendCall(
    conversation,
    "Write a story about a cat",
    tool("write_document", { document: text }),
    { answer: () => ({ accepted: true }), pieces: 10 },
  );
  check(/a cat/.test(args.document), `the story is ${args.document}`);
  grows(conversation, first.states, args.document);
  check(first.states.every(({ title }) => title === "A story"), "the rest of the state is lost");
  const kinds = kindsOf(first.events);
  const last = kinds.findLastIndex((kind) => kind.startsWith("STATE_"));
  check(last < kinds.indexOf("TOOL_CALL_END"), "the last prediction comes late");
  check(!kinds.includes("CUSTOM"), "PredictState is sent, though nobody asked for it");
  check(isDeepStrictEqual(second.input.state, state()), "the next run was not sent the state");
  check(state().document === args.document, `the client holds ${state().document}`);
}

/** Each state that the client has held has a longer part of the document, up to the whole. */
export function grows({ check }, states, whole) {
  const documents = states.map(({ document }) => document);
  const isPart = (document, at) => whole.startsWith(document) && (at === 0 || document.length > documents[at - 1].length);
  const isGrowing = documents.length >= 4 && documents.every(isPart) && documents.at(-1) === whole;
  check(isGrowing, `the document is seen as ${JSON.stringify(documents)}`);
}

/** The one call of a front end's tool, its answer, and the run that goes on from there. */
async function frontendCall(conversation, words, tool, { answer = () => ({ ok: true }), pieces = 2 } = {}) {
  const { check } = conversation;
  const first = await conversation.say(words, { tools: [tool] });
  const [call, ...more] = callsOf(first.events);
  check(call?.name === tool.name && more.length === 0, `the calls are ${callsOf(first.events).map(({ name }) => name)}`);
  const count = kindsOf(first.events).filter((kind) => kind === "TOOL_CALL_ARGS").length;
  check(count >= pieces, `the arguments come in ${count} pieces`);
  endedIn(conversation, first, [call?.id]);
  const args = isJsonObject(call?.args) ? JSON.parse(call.args) : {};

  conversation.answer(call?.id, JSON.stringify(answer(args)));
  const second = await conversation.continue({ tools: [tool] });
  endedIn(conversation, second, []);
  historyIs(conversation, ["user", `assistant[${call?.id}]`, `tool(${call?.id})`, "assistant"]);
  return { args, first, second };
}

/** Interrupt: a tool asks for a time, and gets one; asks again, and gets none. */
async function meeting(conversation) {
  const chosen = { chosen_time: "2026-05-01T10:00:00Z", chosen_label: "Friday at ten" };
  const asked = "Schedule a meeting about tea";
  const made = { topic: asked, time: chosen.chosen_time, label: chosen.chosen_label };
  await meets(conversation, asked, chosen, made);
  await meets(conversation, asked, { cancelled: true }, { error: "The user wants no meeting." });
}

async function meets(conversation, words, payload, expected) {
  const { check } = conversation;
  const first = await conversation.say(words);
  const [call, ...more] = callsOf(first.events);
  check(call?.name === "schedule_meeting" && more.length === 0, `the call is of ${call?.name}`);
  check(call?.results.length === 0, "the call has a result before the user answered");
  check(first.outcome === "interrupt", `the client saw outcome ${first.outcome}`);
  const interrupt = first.interrupts?.[0] ?? {};
  const { id, reason, toolCallId, responseSchema } = interrupt;
  check(reason === "input_required" && toolCallId === call?.id, `the interrupt is ${JSON.stringify(interrupt)}`);
  check(responseSchema?.properties?.chosen_time !== undefined, `the schema is ${JSON.stringify(responseSchema)}`);

  const second = await conversation.continue({ resume: [{ interruptId: id, status: "resolved", payload }] });
  const [, result] = second.events;
  check(result?.type === "TOOL_CALL_RESULT" && result.toolCallId === call?.id, `second event is ${result?.type}`);
  const returned = isJsonObject(result?.content) ? JSON.parse(result.content) : {};
  check(isDeepStrictEqual(returned, expected), `the result is ${result?.content}`);
  endedIn(conversation, second, []);
}

/** Agentic generative UI: steps in the state, each done in its turn; an activity in the chat says so, too. */
async function plan(conversation) {
  const { check, messages } = conversation;
  const run = await conversation.say("Make a plan");
  const shown = run.events.filter(({ type }) => /^(STATE|STEP|ACTIVITY|CUSTOM)/.test(type));
  const each = "STEP_STARTED STATE_DELTA ACTIVITY_DELTA STEP_FINISHED";
  const wanted = `STATE_SNAPSHOT ACTIVITY_SNAPSHOT ${each} ${each} ${each} CUSTOM`;
  check(kindsOf(shown).join(" ") === wanted, `events are ${kindsOf(shown).join(" ")}`);
  const begun = shown[0]?.snapshot?.steps ?? [];
  check(begun.length === 3 && begun.every(({ status }) => status === "pending"), "the steps do not begin as pending");
  const done = begun.map((step) => ({ ...step, status: "completed" }));
  const held = conversation.state();
  check(isDeepStrictEqual(held, { steps: done }), `the client holds ${JSON.stringify(held)}`);
  const activity = messages().find(({ role }) => role === "activity");
  const content = { done: 3, steps: done.map(({ description }) => description) };
  check(isDeepStrictEqual(activity?.content, content), `the activity is ${JSON.stringify(activity)}`);
  endedIn(conversation, run, []);
}

/** Shared state: the recipe that the user edits is the one that the tool improves, and nothing else of it changes. */
async function recipe(conversation) {
  const { check } = conversation;
  const tomato = { icon: "🍅", name: "Tomatoes", amount: "4" };
  const soup = {
    title: "A soup of what the garden has",
    skill_level: "Beginner",
    cooking_time: "30 min",
    special_preferences: ["Vegan"],
    ingredients: [tomato],
    instructions: ["Cut them.", "Cook them."],
  };
  const salted = {
    ...soup,
    ingredients: [tomato, { icon: "🧂", name: "Salt", amount: "1 pinch" }],
    instructions: [...soup.instructions, "Salt it."],
  };
  conversation.share({ recipe: soup });
  const first = await conversation.say("Improve the recipe");
  const kinds = kindsOf(first.events).filter((kind) => kind.startsWith("STATE_"));
  check(kinds.join(" ") === "STATE_SNAPSHOT STATE_DELTA", `state is sent by ${kinds.join(" ")}`);
  const held = conversation.state();
  check(isDeepStrictEqual(held, { recipe: salted }), `the client holds ${JSON.stringify(held)}`);

  const second = await conversation.say("Improve the recipe");
  check(isDeepStrictEqual(second.input.state, { recipe: salted }), "the next run was not sent the state");
  check(!kindsOf(second.events).some((kind) => kind.startsWith("STATE_")), "an unchanged state was sent");
  endedIn(conversation, second, []);
}

/** Reasoning: before the text, and a message of its own. */
async function reasoning(conversation) {
  const { check, messages } = conversation;
  const run = await conversation.say("Think about it");
  const kinds = [...new Set(kindsOf(run.events))].filter((kind) => kind !== "REASONING_ENCRYPTED_VALUE").join(" ");
  const thought = "REASONING_START REASONING_MESSAGE_START REASONING_MESSAGE_CONTENT REASONING_MESSAGE_END REASONING_END";
  const text = "TEXT_MESSAGE_START TEXT_MESSAGE_CONTENT TEXT_MESSAGE_END";
  check(kinds === `RUN_STARTED ${thought} ${text} RUN_FINISHED`, `events are ${kinds}`);
  const [, kept] = messages();
  check(kept?.role === "reasoning" && kept.content.length > 0, `the client keeps ${JSON.stringify(kept)}`);
  endedIn(conversation, run, []);
  historyIs(conversation, ["user", "assistant"]);
}

/** Multimodal: a picture goes to the model, and is still there in the next run. */
async function multimodal(conversation) {
  const { check, messages } = conversation;
  const first = await conversation.say([{ type: "text", text: "What is this?" }, picture]);
  check(/a picture/.test(messages().at(-1)?.content), `the answer is ${messages().at(-1)?.content}`);
  endedIn(conversation, first, []);
  const second = await conversation.say("And now?");
  const [, sent] = second.input.messages[0].content;
  check(isDeepStrictEqual(sent, picture), `the next run was sent ${JSON.stringify(sent)}`);
  historyIs(conversation, ["user", "assistant", "user", "assistant"]);
}

/** Error: the text so far stays, the run ends with a code and a sentence, and the next one goes on. */
async function error(conversation) {
  const { check, messages } = conversation;
  const first = await conversation.say("Please fail", {}, { isToFail: true });
  const { code, message } = first.error ?? {};
  check(code === "MODEL_UNAVAILABLE" && message, `the error is ${JSON.stringify(first.error)}`);
  check(/try/.test(messages().at(-1)?.content), `the text so far is ${messages().at(-1)?.content}`);
  const second = await conversation.say("Hello");
  endedIn(conversation, second, []);
  historyIs(conversation, ["user", "assistant", "user", "assistant"]);
}

const kindsOf = (events) => events.map(({ type }) => type);
