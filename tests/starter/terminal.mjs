// Runs the scripts of a guide, and the programs that stay.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { endOf } from "./steps.mjs";
import { until } from "../web/support/until.mjs";

/** How long a script may take. The longest one builds the function with link-time optimisation. */
const SCRIPT_MS = 25 * 60_000;
/** How long a program may take until it is ready, its build included. */
const READY_MS = 20 * 60_000;
/** After this time a program that was asked to end is killed. */
const END_MS = 10_000;

const running = new Set();
process.on("exit", () => running.forEach((child) => signal(child, "SIGKILL")));
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => process.exit(1));

/** Starts a script in a process group of its own, so that all that it starts ends with it. */
function start(script, { folder, env }) {
  const options = { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] };
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], options);
  running.add(child);
  const started = { child, output: "", status: undefined };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (started.output += text));
  child.once("close", (code) => {
    running.delete(child);
    started.status = code ?? "a signal";
  });
  return started;
}

/** Sends a signal to all processes of a script. Those that have ended already do not matter. */
function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Runs a script to its end, and returns what it has printed. It must succeed, or fail and print `stops`. */
export async function run(script, { stops, ...where }) {
  const started = start(script, where);
  const timer = setTimeout(() => signal(started.child, "SIGKILL"), SCRIPT_MS);
  await once(started.child, "close");
  clearTimeout(timer);
  const { output, status } = started;
  if (stops === undefined && status !== 0) throw new Error(`it ended with ${status}:\n${output}`);
  if (stops !== undefined && (status === 0 || !output.includes(stops))) {
    throw new Error(`it ended with ${status}, and should have stopped with "${stops}":\n${output}`);
  }
  const warning = /^warning: .*(\n.*){0,8}/m.exec(output);
  if (warning !== null) throw new Error(`it succeeded, but with a warning:\n${warning[0]}`);
  return output;
}

/** Starts a program that stays, and waits until it has printed `ready`. */
export async function serve(script, { ready, ...where }) {
  const started = start(script, where);
  const isReady = () => {
    if (started.status !== undefined) throw new Error(`it ended with ${started.status}:\n${started.output}`);
    return endOf(ready, plain(started.output)) !== undefined;
  };
  await until(isReady, `the program prints "${ready}"`, READY_MS).catch((error) => {
    throw new Error(`${error.message}; it has printed:\n${started.output}`);
  });
  let seen = 0;
  return {
    output: () => plain(started.output),
    /** Waits until the program has printed this, behind what was seen before. */
    async prints(text) {
      const found = () => endOf(text, plain(started.output).slice(seen));
      await until(() => found() !== undefined, "the program prints it").catch((error) => {
        throw new Error(`${error.message}; it has printed:\n${started.output.slice(-4000)}`);
      });
      seen += found();
    },
    async stop() {
      const timer = setTimeout(() => signal(started.child, "SIGKILL"), END_MS);
      signal(started.child, "SIGINT");
      await until(() => started.status !== undefined, "the program has ended");
      clearTimeout(timer);
    },
  };
}

/** A text without the colours of a terminal. */
function plain(text) {
  return text.replaceAll(/\x1b\[[0-9;]*m/g, "");
}
