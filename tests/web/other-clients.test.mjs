// Clients without a page, in front of the function: what docs/front-ends.md says of them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import { promisify } from "node:util";
import { startFunction, token } from "./support/function.mjs";
import { root } from "./support/paths.mjs";

const run = promisify(execFile);
const python = join(process.env.VENV ?? join(root, ".venv"), "bin", "python");

describe("other clients", () => {
  let agent;
  let jwt;
  before(async () => {
    agent = await startFunction({ settings: { AGUI_CLIENT_COMPAT: "auto" } });
    const headers = { "x-agui-dev-key": token, "content-type": "application/json" };
    const body = JSON.stringify({ person: "amelie" });
    const response = await fetch(`${agent.url}/_dev/token`, { method: "POST", headers, body });
    jwt = (await response.json()).access_token;
  });
  after(() => agent?.stop());

  for (const [name, program, script, more] of [
    ["TanStack's client: text, a tool, a frontend tool", process.execPath, "tests/clients/tanstack.mjs", ["change_background answered"]],
    ["the Python models: text, a tool", python, "tests/clients/front_end.py", []],
  ]) {
    test(`${name}, an approval, and the thread goes on`, async () => {
      const ran = () => agent.lines.filter((line) => line.message === "tool ran" && line.tool === "refund_order").length;
      const before = ran();
      const { stdout, stderr } = await run(program, [script, agent.url, token, jwt], { cwd: root });
      assert.equal(stderr, "");
      for (const text of ["Partly cloudy", "refunded", "You said: Good evening", ...more]) {
        assert.ok(stdout.includes(text), `${text}: ${stdout}`);
      }
      await agent.logged(() => ran() > before, "the refund");
      assert.equal(ran(), before + 1);
    });
  }
});
