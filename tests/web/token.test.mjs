// The shared token at the web server: read from the secret, read again when the agent refuses it, and never made up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { token } from "./support/function.mjs";
import { onEachStack } from "./support/stage.mjs";

onEachStack("the shared token", (stage) => {
  /** The variables by which a server reads the token of this function from the stand-in for Secrets Manager. */
  async function secretOf(agent) {
    const names = ["AGUI_TOKEN_SECRET_ID", "AWS_ENDPOINT_URL_SECRETS_MANAGER"];
    const [id, url] = await Promise.all(names.map((name) => agent.variable(name)));
    return {
      AGUI_TOKEN: undefined,
      AGUI_TOKEN_SECRET_ID: id,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: url,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    };
  }

  test("after a rotation the token is read once more, and the message is answered", async () => {
    const agent = await stage.otherFunction({});
    await stage.otherServer(await secretOf(agent));
    const chat = await stage.visit();
    await chat.goesOn();
    assert.equal(chat.runs().at(-1).headers["x-agui-token"], token, "the token of the secret");
    // After the second rotation the first token is neither the current one nor the one before.
    await agent.fault("rotate-token");
    await agent.fault("rotate-token");
    await agent.fault("cold-start");
    await chat.goesOn("Good evening");
    const [, refused, answered] = chat.runs();
    assert.deepEqual([refused.status, answered.status], [401, 200]);
    assert.notEqual(answered.headers["x-agui-token"], token);
    await chat.goesOn("Good night");
    assert.equal(chat.runs().length, 4, "the new token is kept");
  });

  test("a token that is wrong for good is a sentence, and is sent twice at most", async () => {
    const agent = await stage.otherFunction({});
    const server = await stage.otherServer(await secretOf(agent));
    const chat = await stage.visit();
    stage.line.next({ headers: { "x-agui-token": "wrong" } });
    stage.line.next({ headers: { "x-agui-token": "wrong" } });
    await chat.say("Hello");
    assert.match(await chat.alert(), /sign in again/);
    assert.equal(chat.runs().length, 1, "the secret has no other token");
    stage.line.reset();
    await chat.goesOn();
    assert.ok(server.isRunning());
  });

  test("a server without any token sends none, and says why in its log", async () => {
    const server = await stage.otherServer({ AGUI_TOKEN: undefined });
    const chat = await stage.visit();
    await chat.say("Hello");
    assert.match(await chat.alert(), /cannot be reached/);
    assert.equal(chat.runs().length, 0, "nothing is sent to the agent");
    assert.match(server.output(), /neither AGUI_TOKEN nor AGUI_TOKEN_SECRET_ID is set/);
  });
});
