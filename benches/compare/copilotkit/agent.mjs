// The smallest agent with CopilotKit's runtime and its own agent, as its documentation of the runtime shows it.

import { createServer } from "node:http";

import { createOpenAI } from "@ai-sdk/openai";
import { BuiltInAgent, CopilotRuntime, defineTool } from "@copilotkit/runtime/v2";
import { createCopilotNodeListener } from "@copilotkit/runtime/v2/node";
import { z } from "zod";

const model = createOpenAI().chat("stand-in");

function agentOf(caller) {
  const findOrder = defineTool({
    name: "find_order",
    description: "Looks an order up.",
    parameters: z.object({ order: z.string().describe("Number of the order, e.g. `A-17`.") }),
    execute: async ({ order }) => `Order ${order} of ${caller.org} is on its way.`,
  });
  return new BuiltInAgent({ model, tools: [findOrder], maxSteps: 5 });
}

const runtime = new CopilotRuntime({
  agents: ({ request }) => ({ default: agentOf({ org: request.headers.get("x-org-id") }) }),
  hooks: {
    onRequest: ({ request }) => {
      if (request.headers.get("x-agent-token") !== process.env.AGENT_TOKEN) throw new Response(null, { status: 401 });
    },
  },
});
createServer(createCopilotNodeListener({ runtime, basePath: "/api/copilotkit" })).listen(process.env.PORT, "127.0.0.1");
