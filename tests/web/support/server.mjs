// The web server of the example: the page, sign-in, and CopilotKit's runtime.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { app } from "./paths.mjs";
import { token } from "./function.mjs";
import { startProcess } from "./process.mjs";

/**
 * Starts the web server in front of the agent at `agentUrl`. `stack` is the version of @ag-ui/client whose `HttpAgent` the
 * runtime has, and `issuerUrl` is where people sign in.
 */
export async function startServer({ stack, agentUrl, issuerUrl }) {
  if (!existsSync(join(app, "dist"))) throw new Error("the page is not built: npm run build in examples/web does it");
  const variables = {
    PORT: "0",
    AG_UI_CLIENT: stack,
    AGENT_URL: agentUrl,
    AGUI_TOKEN: token,
    ISSUER_URL: issuerUrl,
    ISSUER_KEY: token,
    COPILOTKIT_TELEMETRY_DISABLED: "true",
  };
  const server = await startProcess(process.execPath, ["server/main.mjs"], {
    cwd: app,
    env: { ...process.env, ...variables },
    ready: /(http:\/\/127\.0\.0\.1:\d+)\//,
  });
  return { ...server, url: server.match[1] };
}
