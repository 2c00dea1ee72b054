// examples/web/start.mjs, which `make web` calls: it starts the function and the server, and what the shell has set does not matter.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { app, program } from "./support/paths.mjs";
import { startProcess } from "./support/process.mjs";
import { until } from "./support/until.mjs";

/** Variables that a developer's shell may have, for another function. */
const SHELL = {
  AGUI_TOKEN_SECRET_ID: "another/secret",
  AGUI_TOKEN: "another-token",
  AGUI_TOKEN_HEADER: "x-another-header",
  AGUI_JWT_ISSUER: "https://issuer.example",
  AGUI_JWT_AUDIENCE: "another",
  AGUI_CLIENT_COMPAT: "auto",
};

test("a message is answered, whatever the shell has, and all ends together", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ag-ui-web-"));
  // In place of cargo, the built program.
  writeFileSync(join(folder, "cargo"), `#!/bin/sh\nexec "${program("dojo")}"\n`, { mode: 0o755 });
  const env = { ...process.env, ...SHELL, PORT: "0", PATH: `${folder}:${process.env.PATH}` };
  const started = await startProcess(process.execPath, ["start.mjs"], { cwd: app, env, ready: /Open (http:\S+)\// });
  try {
    const [, url] = started.match;
    const headers = { "content-type": "application/json" };
    const session = await fetch(`${url}/api/sign-in`, { method: "POST", headers, body: JSON.stringify({ name: "Amelie" }) });
    assert.equal(session.status, 200);
    headers.cookie = session.headers.get("set-cookie").split(";")[0];
    const messages = [{ id: "m1", role: "user", content: "who am I" }];
    const input = { threadId: randomUUID(), runId: randomUUID(), messages, tools: [], context: [], state: {}, forwardedProps: {} };
    const run = await fetch(`${url}/api/copilotkit/agent/default/run`, { method: "POST", headers, body: JSON.stringify(input) });
    assert.equal(run.status, 200);
    const text = await run.text();
    assert.match(text, /RUN_FINISHED/);
    assert.match(text, /amelie/);
    await started.stop();
    const isServing = () => fetch(url).then(() => true, () => false);
    await until(async () => !(await isServing()), "the server has ended, too");
  } finally {
    await started.stop();
    rmSync(folder, { recursive: true });
  }
});
