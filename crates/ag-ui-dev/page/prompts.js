// Suggestions for a first message, from the tools that the caller is offered.

/** What the tools of the template and of the demo agent are for, in the words of a user. */
const KNOWN = {
  get_weather: "What is the weather in Tokyo and Paris?",
  get_account: "Who am I?",
  refund_order: "Refund order 1234 for 20",
  change_background: "Change the background to teal",
  generate_haiku: "Write a haiku",
  work_through: "Plan a trip to Mars",
  generate_task_steps: "Plan a trip to Mars",
  schedule_meeting: "Schedule a meeting about the roadmap",
  write_document: "Write a story about a whale",
};

/** How many are shown at most. */
const MOST = 6;

/**
 * The messages for these tools: `label` is on the button, and a draft is completed by the user before it is sent. A language
 * model needs a sentence, and a script also takes a tool's name behind a slash, with the arguments.
 */
export function promptsFor(tools, isScript) {
  const prompts = new Map();
  for (const { name, parameters } of tools) {
    if (KNOWN[name]) prompts.set(KNOWN[name], { label: KNOWN[name], text: KNOWN[name], isDraft: false });
    else if (isScript) prompts.set(name, { label: `/${name}`, ...callOf(name, parameters) });
  }
  return [...prompts.values()].slice(0, MOST);
}

/** Where the user goes on in a draft: in the first empty text, or else at its end. */
export function caretOf(draft) {
  const colon = draft.indexOf(': ""');
  return colon < 0 ? draft.length : colon + ': "'.length;
}

/** The message that calls this tool, a draft if the tool has arguments that the user has to fill in. */
function callOf(name, parameters) {
  const required = parameters?.required ?? [];
  if (required.length === 0) return { text: `/${name}`, isDraft: false };
  const values = required.map((argument) => `${JSON.stringify(argument)}: ${JSON.stringify(sampleOf(parameters.properties?.[argument]))}`);
  return { text: `/${name} {${values.join(", ")}}`, isDraft: true };
}

/** A value of this schema for the user to replace. A schema of many types or none gets an object. */
function sampleOf(schema) {
  const { type, description, examples, enum: choices, default: preset, const: constant, minimum = 0 } = schema ?? {};
  const sample = { string: exampleIn(description), integer: minimum, number: minimum, boolean: false, array: [] };
  return examples?.[0] ?? choices?.[0] ?? preset ?? constant ?? sample[[type].flat()[0]] ?? {};
}

/** The example in a description such as "Number of the order, e.g. `A-17`.", which a script takes as well; empty without one. */
function exampleIn(description) {
  return /(?:e\.g\.|for example|such as),?\s+`"?([^`"]+)"?`/i.exec(description)?.[1] ?? "";
}
