// What the browser gets: no token and no claim, and nothing from another host.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { token } from "./support/function.mjs";
import { app } from "./support/paths.mjs";
import { onEachStack } from "./support/stage.mjs";

/** The files of the page, as they are served. */
function bundle() {
  const folder = join(app, "dist");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return files.map((file) => [file.name, readFileSync(join(file.parentPath ?? file.path, file.name), "utf8")]);
}

/** What only the server, the issuer and the function may know. */
const secrets = [
  ["the shared token's header", /x-agui-token/i],
  ["the name of a variable with a secret", /AGUI_TOKEN|AGUI_APPROVAL|ISSUER_KEY/],
  ["the header with the person's JWT", /x-agui-user-token/i],
  ["a JWT", /eyJ[\w-]{10,}\.eyJ[\w-]{10,}/],
  ["a permission", /refunds:write|orders:write/],
  ["a claim", /custom:org_id|cognito:groups|amelie@/],
];

test("the built page has no secret and no claim", () => {
  const files = bundle();
  assert.ok(files.some(([name]) => name.endsWith(".js")), "the page is built");
  for (const [name, text] of files) {
    for (const [what, pattern] of secrets) assert.doesNotMatch(text, pattern, `${name} has ${what}`);
  }
});

onEachStack("secrets", (stage) => {
  test("nothing that the browser receives or keeps has a token or a claim", async () => {
    const recorder = await stage.record();
    const chat = await stage.visit();
    await chat.goesOn("weather in Tokyo");
    await chat.say("refund order 1234 for 20");
    await chat.approval.waitFor();
    await chat.reload();
    await chat.approval.waitFor();
    const kept = await chat.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.deepEqual(recorder.unreadable(), [], "each body can be searched");
    const texts = [...recorder.texts(), ["the browser's storage", kept]];
    const parts = [/^GET .*\.js /, /^GET \/api\/session /, /^POST \/api\/sign-in /, /\/run /, /\/connect /];
    for (const part of parts) assert.ok(texts.some(([what]) => part.test(`${what} `)), `${part} was received`);
    assert.ok(texts.some(([, text]) => text.includes("TOOL_CALL_RESULT")), "the events of runs are among it");
    for (const [what, text] of texts) {
      assert.ok(!text.includes(token), `${what} has the shared token`);
      for (const [secret, pattern] of secrets) assert.doesNotMatch(text, pattern, `${what} has ${secret}`);
    }
  });

  test("the browser cannot choose who it is", async () => {
    const chat = await stage.visit({ as: "Ben", extraHTTPHeaders: {
      "x-agui-dev-as": "Amelie", "x-agui-user-token": "mine", "x-agui-token": "mine", authorization: "Bearer mine",
    } });
    await chat.say("who am I");
    await chat.sees(/user ben/);
    const { headers } = chat.runs().at(-1);
    assert.equal(headers["x-agui-dev-as"], undefined);
    assert.equal(headers.authorization, undefined);
    assert.equal(headers["x-agui-token"], token);
  });
});
