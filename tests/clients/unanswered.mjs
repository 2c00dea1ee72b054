// The official clients after an interrupt whose answer was lost: the thread continues without it.
//
//   node tests/clients/unanswered.mjs URL SHARED_TOKEN USER_JWT
//
// It prints the messages of the thread of each client as a line of JSON.

import { HttpAgent } from "@ag-ui/client";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0";

const [url, token, jwt] = process.argv.slice(2);

for (const Agent of [HttpAgent, HttpAgent0]) {
  const agent = new Agent({ url, headers: { "x-agui-token": token, "x-agui-user-token": jwt } });
  const say = (content) => {
    agent.addMessage({ id: crypto.randomUUID(), role: "user", content });
    return agent.runAgent();
  };
  await say("refund order 1234 for 20");
  if (agent.pendingInterrupts.length !== 1) throw new Error("nothing waits for an answer");
  const refused = await say("Good morning").then(() => false, () => true);
  if (!refused) throw new Error("the client has sent a message without the answer");
  agent.messages.pop();
  // #region continue
  agent.pendingInterrupts = [];   // the server declines calls without an answer, and the thread continues
  // #endregion
  await say("Good evening");
  console.log(JSON.stringify(agent.messages));
}
