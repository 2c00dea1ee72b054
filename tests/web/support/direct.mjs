// A page that calls the function directly, with the server that it comes from. The server knows its user and gets the user's JWT
// from the local issuer, as an identity provider does. It never passes a run on.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { root } from "./paths.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

/**
 * Starts the server of the page of `examples/plain`. It returns `url`; `build`, which builds the page for a function; `ttls`, the
 * lifetimes in seconds of the JWTs that are issued next; `issued`, how many were; and `stop`.
 */
export async function startDirectPage(key) {
  const folder = mkdtempSync(join(tmpdir(), "direct-page-"));
  const site = { agentUrl: undefined, ttls: [], issued: 0 };
  const server = createServer(async (request, response) => {
    try {
      const { pathname } = new URL(request.url, "http://page");
      if (pathname === "/api/token") {
        response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
        response.end(JSON.stringify(await issue(site, key)));
        return;
      }
      const name = pathname === "/" ? "index.html" : pathname.slice(1);
      const isThere = readdirSync(folder, { recursive: true }).includes(name) && TYPES[extname(name)] !== undefined;
      response.writeHead(isThere ? 200 : 404, { "content-type": TYPES[extname(name)] ?? "text/plain" });
      response.end(isThere ? readFileSync(join(folder, name)) : "");
    } catch (error) {
      response.destroy(error);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return Object.assign(site, {
    url: `http://localhost:${port}`,
    /** The same page under another origin. */
    otherUrl: `http://127.0.0.1:${port}`,
    build(agentUrl) {
      site.agentUrl = agentUrl;
      const build = ["node_modules/vite/bin/vite.js", "build", "--logLevel", "error", "--outDir", folder, "--emptyOutDir"];
      const env = { ...process.env, VITE_AGENT_URL: `${agentUrl}/` };
      execFileSync(process.execPath, build, { cwd: join(root, "examples", "plain"), env, stdio: "inherit" });
    },
    async stop() {
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
      rmSync(folder, { recursive: true });
    },
  });
}

/** Gets a JWT of the local issuer for the user of the page. */
async function issue(site, key) {
  site.issued += 1;
  const body = JSON.stringify({ person: "amelie", expires_in: site.ttls.shift() ?? 3600 });
  const headers = { "x-agui-dev-key": key, "content-type": "application/json" };
  const response = await fetch(`${site.agentUrl}/_dev/token`, { method: "POST", headers, body });
  if (!response.ok) throw new Error(`the issuer refuses: ${response.status} ${await response.text()}`);
  return { access_token: (await response.json()).access_token };
}
