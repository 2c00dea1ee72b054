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

/** The messages for these tools. A script also takes a tool's name behind a slash; a language model needs a sentence. */
export function promptsFor(toolNames, isScript) {
  const prompts = toolNames.map((name) => KNOWN[name] ?? (isScript ? `/${name}` : undefined));
  return [...new Set(prompts.filter((prompt) => prompt !== undefined))].slice(0, MOST);
}
