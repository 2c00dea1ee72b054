// Child processes: each is known to be ready before it is used, and is ended by its id.

import { spawn } from "node:child_process";
import { createServer } from "node:net";

/** How long a process may take until it says that it is ready, on a busy machine. */
const READY_WITHIN_MS = 60_000;
/** After this time a process that was asked to end is killed. */
const END_WITHIN_MS = 5_000;

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/**
 * Starts a program and waits until its output matches `ready`. Returns its id, what it has written, what matched, and
 * `stop`, which ends it.
 */
export async function startProcess(command, args, { ready, ...options }) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  running.add(child);
  const ended = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  ended.then(() => running.delete(child));
  let output = "";
  const match = await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${command} ${args.join(" ")} ${why}:\n${output}`));
    const timer = setTimeout(() => fail("is not ready"), READY_WITHIN_MS);
    const read = (bytes) => {
      output += bytes;
      const found = ready.exec(output);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    ended.then(() => fail("has ended"));
  });
  return {
    pid: child.pid,
    match,
    output: () => output,
    isRunning: () => running.has(child),
    async stop() {
      const timer = setTimeout(() => child.kill("SIGKILL"), END_WITHIN_MS);
      if (running.has(child)) child.kill("SIGTERM");
      await ended;
      clearTimeout(timer);
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
