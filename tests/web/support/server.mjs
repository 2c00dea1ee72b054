// The web server of the example: the page, sign-in, and CopilotKit's runtime.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { app } from "./paths.mjs";
import { token } from "./function.mjs";
import { startProcess } from "./process.mjs";

/** Reports each connection of the server to another machine. */
const WATCH = fileURLToPath(new URL("watch-connections.mjs", import.meta.url));

/**
 * Starts the web server in front of the agent at `agentUrl`. `stack` is the version of @ag-ui/client whose `HttpAgent` the
 * runtime has, and `issuerUrl` is where people sign in. `settings` are other environment variables; undefined removes one.
 */
export async function startServer({ stack, agentUrl, issuerUrl, settings = {} }) {
  if (!existsSync(join(app, "dist"))) throw new Error("the page is not built: npm run build in examples/web does it");
  const variables = {
    PORT: "0",
    AG_UI_CLIENT: stack,
    AGENT_URL: agentUrl,
    AGUI_TOKEN: token,
    ISSUER_URL: issuerUrl,
    ISSUER_KEY: token,
    // What the shell of a developer may have. The server itself turns telemetry off.
    AGUI_TOKEN_SECRET_ID: undefined,
    COPILOTKIT_TELEMETRY_DISABLED: undefined,
    DO_NOT_TRACK: undefined,
    ...settings,
  };
  const server = await startProcess(process.execPath, ["--import", WATCH, "server/main.mjs"], {
    cwd: app,
    env: { ...process.env, ...variables },
    ready: /(http:\/\/127\.0\.0\.1:\d+)\//,
  });
  return {
    ...server,
    url: server.match[1],
    /** The other machines that the server has tried to connect with. */
    foreign: () => [...server.output().matchAll(/^FOREIGN (.*)$/gm)].map(([, host]) => host),
  };
}
