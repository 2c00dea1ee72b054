// Loaded into a Node process before its program: reports each connection to another machine, and refuses it.

import dns from "node:dns";
import net, { isIP } from "node:net";

const HERE = ["localhost", "127.0.0.1", "::1"];

/** Whether a connection goes to this machine. If not, it is reported. */
function isHere(host) {
  if (HERE.includes(host)) return true;
  console.error(`FOREIGN ${host}`);
  return false;
}

const { lookup } = dns;
dns.lookup = (host, options, callback = options) => {
  if (isHere(host)) return lookup(host, options, callback);
  process.nextTick(callback, Object.assign(new Error(`not this machine: ${host}`), { code: "ENOTFOUND" }));
};

// An address needs no look-up.
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [{ host } = {}] = Array.isArray(args[0]) ? args[0] : args;
  if (isIP(host ?? "") && !isHere(host)) return this.destroy(new Error(`not this machine: ${host}`));
  return connect.apply(this, args);
};
