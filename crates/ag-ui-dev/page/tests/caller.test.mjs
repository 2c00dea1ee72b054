import assert from "node:assert/strict";
import { test } from "node:test";

import { asciiJson, callerHeaders, choosePerson, claimsProblem, describeCaller, fittingCaller, parseClaims, sentAs, toolsOf } from "../caller.js";
import { offeredTools, parseTools, runByItself } from "../frontend-tools.js";

const session = {
  token: "secret",
  token_header: "x-agui-token",
  people: [{ id: "nobody", name: "Nobody", claims: null }, { id: "amelie", name: "Amelie, support", claims: { sub: "user-1" } }],
  entry_points: [{ id: "function-url", name: "Function URL", claims: false }, { id: "rest-cognito", name: "REST API with Cognito", claims: true }],
};
const caller = (part) => ({ person: "amelie", claimsText: "", entryPoint: "rest-cognito", token: "on", ...part });

test("claims are sent only with entry points that have claims", () => {
  assert.deepEqual(sentAs(session, caller()), { entry_point: "rest-cognito", claims: { sub: "user-1" } });
  assert.deepEqual(sentAs(session, caller({ person: "nobody" })), { entry_point: "rest-cognito" });
  assert.deepEqual(sentAs(session, caller({ entryPoint: "function-url" })), { entry_point: "function-url" });
  assert.deepEqual(sentAs(session, caller({ person: "custom", claimsText: '{"sub":"x"}' })), { entry_point: "rest-cognito", claims: { sub: "x" } });
});

test("a person who is chosen gets an entry point that carries claims", () => {
  const chosen = (part, person) => {
    const { person: name, entryPoint, claimsText } = choosePerson(session, caller(part), person);
    return [name, entryPoint, claimsText];
  };
  const url = { person: "nobody", entryPoint: "function-url" };
  assert.deepEqual(chosen(url, "amelie"), ["amelie", "rest-cognito", ""]);
  assert.deepEqual(chosen(url, "custom"), ["custom", "rest-cognito", '{\n  "sub": "user-1"\n}']);
  assert.deepEqual(chosen({ ...url, person: "amelie" }, "nobody"), ["nobody", "function-url", ""]);
  // Another entry point with claims stays, and so do claims that the developer has written.
  assert.deepEqual(chosen({}, "nobody"), ["nobody", "rest-cognito", ""]);
  const other = { ...session, entry_points: [...session.entry_points, { id: "user-jwt", claims: true }] };
  assert.equal(choosePerson(other, caller({ person: "nobody", entryPoint: "user-jwt" }), "amelie").entryPoint, "user-jwt");
  assert.deepEqual(chosen({ claimsText: '{"sub":"x"}' }, "custom"), ["custom", "rest-cognito", '{"sub":"x"}']);
});

test("the token is sent, left out, or replaced by a wrong one", () => {
  assert.equal(callerHeaders(session, caller())["x-agui-token"], "secret");
  assert.ok(!("x-agui-token" in callerHeaders(session, caller({ token: "off" }))));
  assert.notEqual(callerHeaders(session, caller({ token: "wrong" }))["x-agui-token"], "secret");
  assert.ok(!("x-agui-token" in callerHeaders({ ...session, token: null }, caller())));
});

test("the header is ASCII and the same JSON", () => {
  const value = { name: "Zoë 😀 日本", control: "a\u007f\n" };
  const text = asciiJson(value);
  assert.match(text, /^[\x20-\x7e]*$/);
  assert.deepEqual(JSON.parse(text), value);
});

test("claims that are not a JSON object are refused with a sentence", () => {
  assert.deepEqual(parseClaims('{"a":1}'), { claims: { a: 1 } });
  for (const [text, error] of [["", /Write a JSON object/], ["{a", /not JSON/], ["[1]", /not an object/], ["null", /not an object/], ['"x"', /not an object/]]) {
    assert.match(parseClaims(text).error, error, text);
  }
});

test("nothing is sent for claims that cannot be read, and what was typed is kept", () => {
  const unreadable = caller({ person: "custom", claimsText: '{"sub": ' });
  assert.match(claimsProblem(unreadable), /not JSON/);
  assert.throws(() => callerHeaders(session, unreadable), /cannot be read, so nothing is sent/);
  assert.match(describeCaller(session, unreadable), /^Somebody with claims that cannot be read, through/);
  // The error belongs to the text, whatever else is chosen, and another person does not use the text.
  for (const part of [{ entryPoint: "function-url" }, { token: "off" }]) assert.match(claimsProblem({ ...unreadable, ...part }), /not JSON/);
  const amelie = choosePerson(session, unreadable, "amelie");
  assert.equal(claimsProblem(amelie), undefined);
  assert.equal(sentAs(session, amelie).claims.sub, "user-1");
  const again = choosePerson(session, { ...amelie, entryPoint: "function-url" }, "custom");
  assert.deepEqual([again.claimsText, again.entryPoint], ['{"sub": ', "rest-cognito"]);
  assert.deepEqual(fittingCaller(session, unreadable), unreadable);
});

test("the caller is one line", () => {
  assert.equal(describeCaller(session, caller()), "Amelie, support, through REST API with Cognito");
  assert.equal(describeCaller(session, caller({ entryPoint: "function-url", token: "off" })), "Amelie, support, through Function URL, which carries no claims, without the token");
});

test("a stored choice that the server no longer has is dropped", () => {
  assert.deepEqual(fittingCaller(session, caller({ person: "gone", entryPoint: "gone", token: "gone" })), { person: "nobody", claimsText: "", entryPoint: "function-url", token: "on" });
});

test("the tools are those of the local mode, or else those that are offered", () => {
  const tools = [{ name: "a", offered: false, reason: "No." }];
  assert.deepEqual(toolsOf({ custom: { "ag_ui_lambda.tools": tools }, tools: { items: [] } }), tools);
  assert.deepEqual(toolsOf({ tools: { items: [{ name: "b", description: "B." }] } }), [{ name: "b", description: "B.", offered: true }]);
  assert.deepEqual(toolsOf(undefined), []);
});

test("malformed tools of the page are refused with a sentence", () => {
  assert.equal(parseTools('{"name":"a","description":"A."}').tools.length, 1);
  for (const [text, error] of [["{", /not JSON/], ["[1]", /not an object/], ['{"description":""}', /no name/], ['{"name":"a"}', /no description/], ['[{"name":"a","description":""},{"name":"a","description":""}]', /Two tools/], ['{"name":"a","description":"","parameters":3}', /JSON Schema/]]) {
    assert.match(parseTools(text).error, error, text);
  }
});

test("the background is changed by itself, unless the developer has a tool of that name", () => {
  const own = '{"name":"change_background","description":"Mine."}';
  const call = (text) => ({ function: { name: "change_background", arguments: text } });
  const settings = { isBackgroundOffered: true, toolsText: "" };
  const seen = [];
  const set = (value) => seen.push(value) > 0 && value !== "nonsense";
  assert.deepEqual(JSON.parse(runByItself(call('{"background":"teal"}'), settings, set).content), { background: "teal", status: "changed" });
  assert.ok(runByItself(call('{"background":"nonsense"}'), settings, set).error);
  assert.ok(runByItself(call("{"), settings, set).error);
  assert.deepEqual(seen, ["teal", "nonsense"]);
  assert.equal(runByItself(call("{}"), { ...settings, toolsText: own }, set), undefined);
  assert.equal(offeredTools({ ...settings, toolsText: own }).length, 1);
});
