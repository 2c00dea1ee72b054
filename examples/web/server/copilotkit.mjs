// CopilotKit's runtime, which stands between the page and the agent.

import { CopilotRuntime } from "@copilotkit/runtime/v2";
import { createCopilotNodeListener } from "@copilotkit/runtime/v2/node";

import { agentFor } from "./agent.mjs";
import { refuse } from "./refusal.mjs";
import { sessionOf } from "./session.mjs";
import { ThreadsOfPeople, asPersonOf } from "./threads.mjs";

const BASE_PATH = "/api/copilotkit";

/** What the page needs of the runtime. Its other routes list the threads of everybody. */
const ROUTES = /^(GET \/info|POST \/agent\/(default|surfaces)\/(run|connect|stop\/[^/]+))$/;

// #region runtime
const runtime = new CopilotRuntime({
  agents: ({ request }) => {
    const session = sessionOf({ headers: { cookie: request.headers.get("cookie") } });
    return { default: agentFor(session), surfaces: agentFor(session) };
  },
  runner: new ThreadsOfPeople(),
  // By default the runtime passes `authorization` and all `x-*` headers of the browser on to the agent. None is needed, and
  // none may stand for a proof of this server.
  forwardHeaders: { deny: ["authorization"], denyPrefixes: ["x-"] },
  // On the pages with A2UI the agent is offered a tool that draws a user interface, so that the model can compose one. The
  // description of its components is long, so the other pages do without.
  a2ui: { injectA2UITool: true, agents: ["surfaces"] },
});
// #endregion
const listener = createCopilotNodeListener({ runtime, basePath: BASE_PATH });

/** Passes a request of a person who is signed in to the runtime. */
export function copilotKit(session, pathname, request, response) {
  const route = `${request.method} ${pathname.slice(BASE_PATH.length)}`;
  if (!ROUTES.test(route)) return refuse(response, 404, "NOT_FOUND", "There is no such page.");
  return asPersonOf(session, () => listener(request, response));
}
