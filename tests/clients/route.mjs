// Serves examples/forward/route.mjs as a server would: prints its URL, ends when its input does.

import { createServer } from "node:http";
import { Readable } from "node:stream";

import { POST } from "../../examples/forward/route.mjs";

const server = createServer(async (incoming, outgoing) => {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const { method, headers } = incoming;
  const body = Readable.toWeb(incoming);
  const request = new Request("http://localhost/", { method, headers, body, duplex: "half", signal: gone.signal });
  const response = await POST(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  try {
    for await (const chunk of response.body) outgoing.write(chunk);
    outgoing.end();
  } catch {
    outgoing.destroy();
  }
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
process.stdin.on("end", () => process.exit()).resume();
