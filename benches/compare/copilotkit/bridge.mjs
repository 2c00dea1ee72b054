// CopilotKit's runtime as a bridge: it passes runs on to an agent that is served elsewhere.

import { createServer } from "node:http";

import { HttpAgent } from "@ag-ui/client";
import { CopilotRuntime } from "@copilotkit/runtime/v2";
import { createCopilotNodeListener } from "@copilotkit/runtime/v2/node";

const runtime = new CopilotRuntime({
  agents: { default: new HttpAgent({ url: process.env.AGENT_URL }) },
});
createServer(createCopilotNodeListener({ runtime, basePath: "/api/copilotkit" })).listen(process.env.PORT, "127.0.0.1");
