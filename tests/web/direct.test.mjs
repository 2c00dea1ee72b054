// A page of another origin calls the function directly, with the JWT of its user and without the shared token.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { startBrowser } from "./support/browser.mjs";
import { startDirectPage } from "./support/direct.mjs";
import { startFunction, token } from "./support/function.mjs";
import { freePort } from "./support/process.mjs";
import { startServer } from "./support/server.mjs";
import { until } from "./support/until.mjs";

/** A lifetime with which a JWT has expired already, beyond the tolerance of a minute. */
const EXPIRED = -120;

describe("a page that calls the function directly", () => {
  let [site, agent, browser] = [];
  const visits = [];

  before(async () => {
    site = await startDirectPage(token);
    const settings = { AGUI_AUTH: "jwt", AGUI_CORS_ORIGINS: site.url, AGUI_CLIENT_COMPAT: "auto" };
    [agent, browser] = await Promise.all([startFunction({ settings }), startBrowser()]);
    site.build(agent.url);
  });
  after(async () => {
    await browser?.close();
    for (const part of [agent, site]) await part?.stop();
  });
  afterEach(async () => {
    site.ttls = [];
    for (const { context } of visits.splice(0)) await context.close();
  });

  /** Opens the page, and records the runs that it sends and all that it receives. */
  async function visit(origin = site.url) {
    const { context, page } = await browser.visit({ origin });
    const seen = { runs: [], requests: [], texts: [] };
    visits.push({ context });
    page.on("request", (request) => seen.requests.push(request));
    page.on("response", async (response) => {
      const request = response.request();
      if (request.method() === "POST" && request.url() === `${agent.url}/`) {
        seen.runs.push({ status: response.status(), thread: request.postDataJSON().threadId });
      } else {
        seen.texts.push(await response.text().catch(() => ""));
      }
    });
    await page.goto(`${origin}/`);
    const person = {
      seen,
      page,
      async say(text) {
        await page.getByRole("textbox", { name: "Message" }).fill(text);
        await person.press("Send");
      },
      press: (name) => page.getByRole("button", { name, exact: true }).click(),
      sees: (text) => page.getByText(text).last().waitFor(),
      isIdle: () => page.locator("button:disabled", { hasText: "Stop" }).waitFor(),
      seesCard: (...texts) =>
        texts.reduce((found, text) => found.filter({ hasText: text }), page.locator(".tool")).waitFor(),
      alert: async () => (await page.getByRole("alert").innerText()).trim(),
      statuses: () => seen.runs.map(({ status }) => status),
      /** How often a tool ran in this conversation, as the function's log has it when all its runs have ended. */
      async ran(tool) {
        const { thread } = seen.runs.at(-1);
        const begun = seen.runs.filter(({ status }) => status === 200).length;
        await until(() => agent.ended(thread) === begun, "all runs have ended");
        return agent.ran(tool, thread);
      },
    };
    await person.isIdle();
    return person;
  }

  test("runs a tool, and no shared token is near it", async () => {
    const person = await visit();
    await person.say("weather in Tokyo");
    await person.seesCard("get_weather", "Tokyo", "temperature");
    await person.isIdle();
    assert.deepEqual(person.statuses(), [200]);
    assert.equal(await person.ran("get_weather"), 1);
    const { requests, texts } = person.seen;
    const headers = await Promise.all(requests.map((request) => request.allHeaders()));
    assert.ok(headers.some(({ authorization }) => /^Bearer [^.]+\.[^.]+\.[^.]+$/.test(authorization)), "the JWT is sent");
    assert.ok(headers.every((all) => !("x-agui-token" in all) && !("cookie" in all)), "nothing else is");
    const stored = await person.page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
    const everything = JSON.stringify([headers, texts, stored, await person.page.content()]);
    assert.ok(!everything.includes(token), "the shared token");
    assert.ok(texts.some((text) => text.includes("authorization")), "the code of the page was looked at");
  });

  test("is the user whom the JWT names", async () => {
    const person = await visit();
    await person.say("who am I");
    await person.seesCard("get_account", "amelie", "acme");
  });

  test("runs an approved call once", async () => {
    const person = await visit();
    await person.say("refund order 1234 for 20");
    await person.press("Approve");
    await person.seesCard("refund_order", "1234", "refunded");
    await person.isIdle();
    assert.equal(await person.ran("refund_order"), 1);
  });

  test("gets a new JWT when the first has expired, and the person notices nothing", async () => {
    site.ttls = [EXPIRED];
    const before = site.issued;
    const person = await visit();
    await person.say("weather in Tokyo");
    await person.seesCard("get_weather", "Tokyo", "temperature");
    await person.isIdle();
    assert.deepEqual(person.statuses(), [401, 200]);
    assert.equal(site.issued - before, 2);
    assert.equal(await person.alert(), "");
    await person.say("Good evening");
    await person.sees(/You said: [^]*Good evening/);
    assert.deepEqual(person.statuses(), [401, 200, 200], "the new JWT is kept");
    assert.equal(site.issued - before, 2);
  });

  test("gets a new JWT for an approval, and the call runs once", async () => {
    const person = await visit();
    await person.say("refund order 1234 for 20");
    await person.sees("Approve");
    // The JWT that the page has expires while the person thinks: the next request is sent with an expired one.
    site.ttls = [EXPIRED];
    await person.page.evaluate(async () => {
      const { access_token: expired } = await (await fetch("/api/token", { method: "POST" })).json();
      const { fetch: send } = window;
      window.fetch = (url, init) => {
        window.fetch = send;
        return send(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${expired}` } });
      };
    });
    await person.press("Approve");
    await person.seesCard("refund_order", "1234", "refunded");
    await person.isIdle();
    assert.deepEqual(person.statuses(), [200, 401, 200]);
    assert.equal(await person.ran("refund_order"), 1);
  });

  test("says that the sign-in has expired if there is no new JWT", async () => {
    site.ttls = [EXPIRED, EXPIRED];
    const person = await visit();
    await person.say("weather in Tokyo");
    const sentence = await until(() => person.alert(), "an error is shown");
    assert.equal(sentence, "Your sign-in has expired. Please sign in again.");
    assert.deepEqual(person.statuses(), [401, 401], "it is tried once more and not for ever");
  });

  test("is refused on another origin, and nothing runs", async () => {
    const before = agent.lines.filter((line) => line.message === "run finished").length;
    const person = await visit(site.otherUrl);
    await person.say("weather in Tokyo");
    const sentence = await until(() => person.alert(), "an error is shown");
    assert.match(sentence, /connection to the agent was lost/);
    assert.ok(person.seen.runs.every(({ status }) => status !== 200));
    assert.equal(agent.lines.filter((line) => line.message === "run finished").length, before);
  });
});

describe("the page of examples/web without CopilotKit's runtime", () => {
  let [agent, server, browser] = [];

  before(async () => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    browser = await startBrowser();
    agent = await startFunction({ settings: { AGUI_AUTH: "jwt", AGUI_CORS_ORIGINS: origin } });
    // The server that signs people in has no shared token.
    const settings = { PORT: String(port), PAGE_AGENT_URL: `${agent.url}/`, AGUI_TOKEN: undefined };
    server = await startServer({ stack: "0.0.59", agentUrl: agent.url, issuerUrl: agent.url, settings });
  });
  after(async () => {
    await browser?.close();
    for (const part of [server, agent]) await part?.stop();
  });

  test("runs a tool and an approved call, each once, by requests to the function alone", async () => {
    const { context, page, seen } = await browser.visit({ origin: server.url });
    const runs = [];
    page.on("request", (request) => request.method() === "POST" && runs.push(request));
    await page.goto(server.url);
    await page.getByRole("button", { name: "Sign in as Amelie" }).click();
    const say = async (text) => {
      await page.getByRole("textbox", { name: "Message" }).fill(text);
      await page.getByRole("button", { name: "Send", disabled: false }).click();
    };
    await say("weather in Tokyo");
    await page.getByRole("region", { name: "Weather in Tokyo" }).waitFor();
    await say("refund order 1234 for 20");
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByText("Refunded").waitFor();
    const ofAgent = runs.filter((request) => request.url() === `${agent.url}/`);
    const { threadId: thread } = ofAgent.at(-1).postDataJSON();
    await until(() => agent.ended(thread) === 3, "all runs have ended");
    assert.deepEqual([agent.ran("get_weather", thread), agent.ran("refund_order", thread)], [1, 1]);
    assert.equal(ofAgent.length, 3);
    assert.ok(runs.every((request) => !request.url().includes("/api/copilotkit")), "the runtime is not asked");
    assert.ok(seen.foreign.every((url) => url.startsWith(agent.url)), "requests to other hosts");
    assert.deepEqual(seen.faults, []);
    await context.close();
  });
});
