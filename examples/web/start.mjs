// Serves everything on this machine: builds and starts the function examples/dojo, and this application in front of it. Both
// end together: on Ctrl-C, on SIGTERM, and when one of them ends.
//
// PORT is where the application listens (3000). AGUI_MODEL chooses a model in place of the script `scripted/demo`.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const children = [];
let isStopping = false;

/** The variables of this process, without those by which callers prove who they are: what the shell has does not fit here. */
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^AGUI_(AUTH|TOKEN|JWT|JWKS|CLAIM)/.test(name)));

/** Starts a program. If it ends while this one runs, everything ends. */
function start(name, command, args, env) {
  const child = spawn(command, args, { cwd: REPOSITORY, env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  child.on("error", (error) => stop(`${name} cannot be started: ${error.message}`));
  child.on("exit", (code, signal) => stop(`${name} has ended (${signal ?? code}).`));
  children.push(child);
  return child;
}

/** Ends all programs, and then this one. */
function stop(reason) {
  if (isStopping) return;
  isStopping = true;
  if (reason !== undefined) console.error(reason);
  const running = children.filter((child) => child.exitCode === null && child.signalCode === null && child.pid !== undefined);
  const ended = running.map((child) => new Promise((resolve) => child.once("exit", resolve)));
  for (const child of running) child.kill("SIGTERM");
  const late = setTimeout(() => running.forEach((child) => child.kill("SIGKILL")), 3000);
  Promise.all(ended).then(() => {
    clearTimeout(late);
    process.exitCode = reason === undefined ? 0 : 1;
  });
}

/** Calls `take` with each line that a program prints. */
const eachLine = (child, take) => createInterface({ input: child.stdout }).on("line", take);

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop());

const token = randomBytes(24).toString("base64url");
console.log("Building the function. The first time takes some minutes.");
const agent = start("The function", "cargo", ["run", "--locked", "--package", "dojo"], {
  // In local mode the function serves itself, with a local issuer for the JWTs of users.
  AGUI_LOCAL: "1",
  AGUI_PORT: "0",
  AGUI_TOKEN: token,
  // CopilotKit reads events in the form before AG-UI 1.0, also where its runtime announces 1.0.
  AGUI_CLIENT_COMPAT: "legacy",
});
eachLine(agent, (text) => {
  const address = /^Page +(http:[^#]+)/.exec(text)?.[1];
  if (address !== undefined) serve(address);
  // What the function logs begins with the time.
  if (/^\d\d:/.test(text)) console.log(text);
});

/** Starts the server of the application, in front of the function at this address. */
function serve(address) {
  const server = start("The server", process.execPath, [fileURLToPath(new URL("server/main.mjs", import.meta.url))], {
    AGENT_URL: address,
    AGUI_TOKEN: token,
    ISSUER_URL: address,
    ISSUER_KEY: token,
  });
  eachLine(server, (text) => console.log(text));
}
