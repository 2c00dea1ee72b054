// The network between the browser and the web server, which a test can take away.

import { connect, createServer } from "node:net";

/** Starts a network in front of the web server at `target`. */
export async function startNetwork(target) {
  let { port } = new URL(target);
  const sockets = new Set();
  let isUp = true;
  const server = createServer((near) => {
    if (!isUp) return near.destroy();
    const far = connect(port, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on("error", () => {}); // `close` follows
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Nothing goes through any more, until `up`. */
    down() {
      isUp = false;
      cut();
    },
    up: () => void (isUp = true),
    /** From now on, new connections lead to the server at this URL. */
    leadTo: (url) => void ({ port } = new URL(url)),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
