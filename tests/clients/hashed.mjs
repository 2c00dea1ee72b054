// The official client behind CloudFront, which needs the hash of each body.
//
//   node tests/clients/hashed.mjs URL SHARED_TOKEN USER_JWT
//
// It prints the messages of the thread as JSON.

import { HttpAgent } from "@ag-ui/client";

const [url, , jwt] = process.argv.slice(2);

// #region hashed
const hashed = async (url, init) => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(init.body));
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = new Headers(init.headers);
  headers.set("x-amz-content-sha256", hash);
  return fetch(url, { ...init, headers });
};
// In a page: the JWT of its user. In a server: "x-agui-token" with the shared token, or both.
const agent = new HttpAgent({ url, headers: { "x-agui-user-token": jwt }, fetch: hashed });
// #endregion
agent.addMessage({ id: "m1", role: "user", content: "weather in Tokyo" });
await agent.runAgent();
console.log(JSON.stringify(agent.messages));
