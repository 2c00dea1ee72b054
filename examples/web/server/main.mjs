// The server of the application: the page, sign-in, and CopilotKit's runtime in front of the agent.
//
// PORT is where it listens on this machine, and AGENT_URL is the address of the function. token.mjs and identity.mjs name the
// other settings.

import "./telemetry.mjs";

import { createServer } from "node:http";

import { copilotKit } from "./copilotkit.mjs";
import { isSameOrigin } from "./origin.mjs";
import { refuse } from "./refusal.mjs";
import { serveSession, sessionOf } from "./session.mjs";
import { serveFile } from "./static.mjs";

// If a connection to the agent breaks while a run streams, @ag-ui/client rejects a promise that nobody awaits. Without this line
// the process ends, and with it the runs of all users. The run itself ends with an error that the page shows.
// #region rejections
process.on("unhandledRejection", (error) => console.error("A promise was rejected:", error));
// #endregion

const server = createServer(async (request, response) => {
  try {
    await serve(request, response);
  } catch (error) {
    console.error("The request failed:", error);
    if (response.headersSent) response.destroy();
    else refuse(response, 500, "INTERNAL", "Something went wrong on our side. Please try again.");
  }
});

async function serve(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  if (!pathname.startsWith("/api/")) return serveFile(pathname, request, response);
  if (!isSameOrigin(request)) return refuse(response, 403, "FORBIDDEN", "Pages of other sites cannot use this application.");
  if (!pathname.startsWith("/api/copilotkit/")) return serveSession(pathname, request, response);
  const session = sessionOf(request);
  if (session === undefined) return refuse(response, 401, "UNAUTHENTICATED", "You are not signed in. Please sign in.");
  return copilotKit(session, pathname, request, response);
}

// A run may stream for minutes.
server.requestTimeout = 0;
server.on("error", (error) => {
  console.error(`The server cannot listen: ${error.message}`);
  process.exit(1);
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`Open http://127.0.0.1:${server.address().port}/`);
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
