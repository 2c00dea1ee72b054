// TanStack's chat client in front of the function: text, the result of a tool, a frontend tool, and an approval.
//
//   node tests/clients/tanstack.mjs URL SHARED_TOKEN USER_JWT
//
// It prints the parts of each message as a line of JSON.

import { toolDefinition } from "@tanstack/ai/client";
import { ChatClient, fetchServerSentEvents } from "@tanstack/ai-client";

const [url, token, jwt] = process.argv.slice(2);
const headers = { "x-agui-token": token, "x-agui-user-token": jwt };

const changeBackground = toolDefinition({
  name: "change_background",
  description: "Changes the background color of the page.",
  inputSchema: { type: "object", properties: { background: { type: "string" } }, required: ["background"] },
}).client();

// #region chat
const client = new ChatClient({
  connection: fetchServerSentEvents(url, { headers }),
  tools: [changeBackground],
  onError: (error) => console.error(error.message),
});
await client.sendMessage("weather in Tokyo");
// #endregion
await client.sendMessage("change the background to teal");
// #region frontend-tool
const parts = client.getMessages().flatMap((message) => message.parts);
for (const { id, name, input } of parts.filter((part) => part.type === "tool-call" && part.output === undefined)) {
  // Do here what the tool does in the page.
  await client.addToolResult({ toolCallId: id, tool: name, output: { changed: input } });
}
// #endregion
await client.sendMessage("refund order 1234 for 20");
// #region approve
const open = client.getInterrupts();
// The client has no buttons for interrupts of other servers than its own: send the answers yourself.
await client.resumeInterruptsUnsafe(
  open.map(({ interruptId }) => ({ interruptId, status: "resolved", payload: { approved: true } })),
);
// #endregion
await client.sendMessage("Good evening");
for (const { role, parts } of client.getMessages()) console.log(JSON.stringify({ role, parts }));
process.exit(client.getInterrupts().length);
