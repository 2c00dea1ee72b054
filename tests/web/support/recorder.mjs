// A relay between the browser and the web server, which keeps all that the browser receives.

import { createServer, request as send } from "node:http";

/** Starts a relay in front of the web server at `target`. */
export async function startRecorder(target) {
  const received = [];
  const server = createServer((request, response) => {
    // What is compressed could not be searched.
    const headers = { ...request.headers, "accept-encoding": "identity" };
    const onward = send(new URL(request.url, target), { method: request.method, headers }, (answer) => {
      const record = { what: `${request.method} ${request.url}`, headers: answer.headers, body: [] };
      received.push(record);
      const { "transfer-encoding": _, ...kept } = answer.headers;
      response.writeHead(answer.statusCode, kept);
      answer.on("data", (bytes) => {
        record.body.push(bytes);
        response.write(bytes);
      });
      answer.on("end", () => response.end());
      answer.on("error", () => response.destroy());
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** For each response until now what was asked for, and its headers and body as text. */
    texts: () => received.map(({ what, headers, body }) => [what, `${JSON.stringify(headers)}\n${Buffer.concat(body)}`]),
    /** The responses whose bodies are compressed after all. */
    unreadable: () => received.filter(({ headers }) => headers["content-encoding"]).map(({ what }) => what),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
