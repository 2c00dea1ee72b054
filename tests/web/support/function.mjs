// The function: a built program behind ag-ui-dev, which emulates Lambda, with its log and its faults.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { program } from "./paths.mjs";
import { startProcess } from "./process.mjs";
import { until } from "./until.mjs";

/** The shared token, which is also the key of ag-ui-dev, and the key that signs approvals. Every process has the same. */
export const token = "sample-token-for-the-tests-of-the-web-example";
const approvalKey = "sample-key-for-the-tests-of-the-web-example";

/**
 * Starts a function. `settings` are environment variables, for example limits.
 *
 * It returns what the tests need of it: `url`, `lines` (its log, as objects), `ran` (how often a tool ran in a thread),
 * `fault` (sets a fault of ag-ui-dev), `kill` (kill -9 of the function's processes; the next request starts another one),
 * and `stop`.
 */
export async function startFunction({ name = "dojo", settings = {} } = {}) {
  const variables = {
    AGUI_TOKEN: token,
    AGUI_APPROVAL_KEY: approvalKey,
    AGUI_CLIENT_COMPAT: "legacy",
    AGUI_SCRIPTED_DELAY_MS: "5",
    AGUI_MODEL: "scripted/demo",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    ...settings,
  };
  // Port 0 is any free port, and the address is in the welcome.
  const server = await startProcess(program("ag-ui-dev"), ["--program", program(name), "--port", "0"], {
    env: { ...process.env, ...variables },
    ready: /Page +(http:\/\/[^/]+)\/#key=/,
  });
  const [, url] = server.match;
  const lines = [];
  const log = await readLog(`${url}/_dev/log`, lines);
  const ran = (tool, thread) =>
    lines.filter((line) => line.message === "tool ran" && line.tool === tool && line.thread_id === thread).length;
  return {
    url,
    lines,
    ran,
    /** How many runs of a thread have ended, as the log has it. */
    ended: (thread) => lines.filter((line) => line.message === "run finished" && line.thread_id === thread).length,
    async fault(id, value = null) {
      const headers = { "x-agui-dev-key": token, "content-type": "application/json" };
      const answer = await fetch(`${url}/_dev/faults/${id}`, { method: "POST", headers, body: JSON.stringify({ value }) });
      if (!answer.ok) throw new Error(`fault ${id}: ${answer.status} ${await answer.text()}`);
    },
    /** The settings by which another function verifies the tokens of the people who have signed in here. */
    async issuer() {
      const { iss, aud } = JSON.parse(Buffer.from((await userToken(url)).split(".")[1], "base64url"));
      return {
        AGUI_JWT_ISSUER: iss,
        AGUI_JWT_AUDIENCE: aud,
        AGUI_JWKS_URL: `${iss}/.well-known/jwks.json`,
        AGUI_JWT_ALGORITHMS: "RS256",
      };
    },
    /** The value of a variable in the environment of the function's process. */
    async variable(name) {
      await isServing(url);
      const [pid] = childrenOf(server.pid);
      const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      return variables.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1);
    },
    async kill() {
      const pids = childrenOf(server.pid);
      pids.forEach((pid) => process.kill(pid, "SIGKILL"));
      await until(() => pids.every((pid) => !childrenOf(server.pid).includes(pid)), "the function's processes have ended");
      // ag-ui-dev notices it a little later, and starts another process for the next request.
      await isServing(url);
      return pids.length;
    },
    /** Waits until the function has logged a line that matches. */
    logged: (matches, what) => until(() => lines.find(matches), `the log has ${what}`),
    async stop() {
      log.abort();
      await server.stop();
    },
  };
}

/** Waits until a process of the function serves requests. */
async function isServing(url) {
  const headers = { "x-agui-token": token, "x-agui-user-token": await userToken(url) };
  const status = () => fetch(`${url}/capabilities`, { headers }).then((response) => response.status, () => 502);
  await until(async () => (await status()) < 500, "a process of the function serves");
}

/** A JWT of the development server's issuer. */
async function userToken(url) {
  const headers = { "x-agui-dev-key": token, "content-type": "application/json" };
  const answer = await fetch(`${url}/_dev/token`, { method: "POST", headers, body: JSON.stringify({ person: "amelie" }) });
  return (await answer.json()).access_token;
}

/** Reads the lines of the log into `lines` until it is aborted. */
async function readLog(url, lines) {
  const reading = new AbortController();
  const response = await fetch(url, { headers: { "x-agui-dev-key": token }, signal: reading.signal });
  if (!response.ok) throw new Error(`the log: ${response.status} ${await response.text()}`);
  (async () => {
    let text = "";
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const frames = text.split("\n\n");
      text = frames.pop();
      for (const frame of frames) if (frame.startsWith("data: ")) lines.push(JSON.parse(frame.slice("data: ".length)));
    }
  })().catch((error) => {
    if (!reading.signal.aborted) lines.push({ message: `the log cannot be read: ${error}` });
  });
  return reading;
}

/** The ids of the living child processes of a process. */
function childrenOf(pid) {
  const isChild = (id) => {
    const path = `/proc/${id}/stat`;
    if (!existsSync(path)) return false;
    try {
      // 4711 (name) state parent ...
      const [state, parent] = readFileSync(path, "utf8").split(") ").pop().split(" ");
      return Number(parent) === pid && state !== "Z";
    } catch {
      return false; // it has ended meanwhile
    }
  };
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter(isChild).map(Number);
}
