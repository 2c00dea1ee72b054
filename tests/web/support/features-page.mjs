// The page docs/features.md, which is rendered from what the conversations of the dojo have shown in Chromium.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.mjs";

const document = join(root, "docs", "features.md");

/** A feature: what AG2 and Strands list in the dojo's menu, and the test in tests/it that checks the events. */
const feature = (id, name, ag2, strands, events) => ({ id, name, ag2, strands, events });

/** The features in the order of the page. Those that no conversation here plays have `here`. */
const features = [
  feature("agentic_chat", "agentic chat", "yes", "yes", "agentic_chat_continues_from_the_frontend_result"),
  feature("backend_tool_rendering", "backend tool rendering", "yes", "yes", "backend_tool_rendering_emits_call_and_result"),
  feature("human_in_the_loop", "human in the loop", "yes", "yes", "human_in_the_loop_continues_from_the_choice"),
  feature("agentic_generative_ui", "agentic generative UI", "yes", "yes", "agentic_generative_ui_updates_state_and_activity"),
  feature("tool_based_generative_ui", "tool-based generative UI", "yes", "TypeScript", "tool_based_generative_ui_emits_a_frontend_call"),
  feature("shared_state", "shared state", "yes", "yes", "shared_state_is_read_and_changed_by_a_tool"),
  feature("agentic_chat_multimodal", "multimodal", "yes", "yes", "multimodal_input_reaches_the_model"),
  feature("agentic_chat_reasoning", "reasoning", "no", "yes", "reasoning_precedes_text"),
  feature("predictive_state_updates", "predictive state", "no", "no", "predictive_state_follows_the_streamed_argument"),
  feature("interrupt", "interrupt", "no", "the protocol, no page", "interrupt_answer_yields_the_call_result_first"),
  {
    ...feature("another_process", "interrupt, answered in another process", "no", "not listed"),
    events: "approval::across_processes::clients_complete_approvals_across_processes_and_keys",
    here: "yes",
  },
  feature("approval", "approval of a call", "no", "the protocol, no page", "approval_yields_the_call_result_first"),
  feature("error_flow", "error", "no", "no", "error_ends_the_run_and_keeps_earlier_text"),
  feature("a2ui_fixed_schema", "A2UI, fixed schema", "no", "yes", "a2ui_results_are_surfaces_of_the_basic_catalog"),
  feature("a2ui_dynamic_schema", "A2UI, dynamic schema", "no", "yes"),
  { ...feature("a2ui_recovery", "A2UI, recovery of an invalid surface", "no", "yes"), here: "no" },
  { ...feature("subgraphs", "subgraphs", "no", "no"), here: "no" },
];

/** The page, if these conversations have passed. `conversations` has the names of those of a feature, by its id. */
export function renderPage(conversations) {
  const unknown = Object.keys(conversations).filter((id) => !features.some((feature) => feature.id === id));
  if (unknown.length > 0) throw new Error(`the page has no feature ${unknown.join(", ")}`);
  const rows = features.map(({ id, name, ag2, strands, here, events }) => {
    const played = conversations[id] ?? [];
    const path = events?.includes("::") ? events : `examples::dojo::${events}`;
    const cells = [name, ag2, strands, here ?? (played.length > 0 ? "yes" : "no"), played.join("; "), events ? `\`${path}\`` : ""];
    return `| ${cells.join(" | ")} |`;
  });
  return `${head}\n${rows.join("\n")}\n${foot}`;
}

/** Compares the page in docs with the one that a run makes. With UPDATE=1 in the environment the page is rewritten. */
export function comparePage(made) {
  if (process.env.UPDATE === "1") writeFileSync(document, made);
  if (readFileSync(document, "utf8") === made) return;
  throw new Error("docs/features.md differs from what this run makes: UPDATE=1 make test-web rewrites it");
}

const head = `# Features of the AG-UI dojo

<!-- make test-web makes this page. tests/web/support/features-page.mjs has its text; UPDATE=1 make test-web rewrites it. -->

This page compares the library with two other integrations, for people who choose one. The dojo is a site of the AG-UI
project with one page for each feature. [examples/dojo](../examples/dojo/src/main.rs) has the agent of all these pages in one
function, offline, with \`scripted/demo\`; its first comment lists the phrases that start each feature.
[examples/web](../examples/web) has the pages, as a CopilotKit application:

\`\`\`sh
make web
\`\`\`

The columns AG2 and Strands are what these two reference integrations listed in the dojo's menu in August 2026; "no" means
not listed. The column "in Chromium" lists the conversations that \`make test-web\` plays in a browser, once with \`HttpAgent\`
0.0.59 and once with 1.0.0. They check what the dojo's own browser tests check. The last column names the test that starts
the function, runs the feature with \`@ag-ui/client\` 1.0.0 and 0.0.59, checks the response with the protocol's validators, and
compares the sequence of events with a snapshot.

| feature | AG2 | Strands | here | in Chromium | events, in \`tests/it\` |
| --- | --- | --- | --- | --- | --- |`;

const foot = `
Notes:

- **Interrupt page of older runtimes.** It reads a custom event \`on_interrupt\`, which is not sent: names without a prefix
  belong to the protocol, and 1.0 has the outcome \`interrupt\`.
- **Agentic chat of version 1** (\`v1_agentic_chat\`, in both menus) is the same sequence on another page.
- **Not served**: the pages \`a2ui_advanced\`, \`background_agents\`, \`observational_memory\`, \`crew_chat\`, \`a2a_chat\` and
  \`vnext_chat\`, which neither AG2 nor Strands lists.
- **With a real model** the phrases may differ from those of the script. The tools do the same.

\`examples::dojo::every_other_event_type_is_emitted\` shows that the function sends all of the protocol's 31 events, except the
three \`CHUNK\` shorthands, \`RAW\` and those of subagents. \`MESSAGES_SNAPSHOT\` is sent if the agent is built with
\`emit_messages_snapshot(true)\`.
`;
