// The files of the page, as `vite build` has written them to dist/.

import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".woff": "font/woff",
  ".ttf": "font/ttf",
};

// The page may load nothing from another host and send nothing to one, except to the function if it calls that itself. Styles are also set in elements, and pictures that a
// user attaches are data: URLs.
const POLICY = [
  "default-src 'self'",
  ...(process.env.PAGE_AGENT_URL ? [`connect-src 'self' ${new URL(process.env.PAGE_AGENT_URL).origin}`] : []),
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** The names of files in this folder contain a hash of their contents, so these files never change. */
const HASHED = "/assets/";

const hashed = new Map();

/** Sends a file of the page. A path without an extension is a place in the application, which is in index.html. */
export async function serveFile(pathname, request, response) {
  // A URL's path has no `..` any more, and names with escaped letters are not among the files.
  const name = extname(pathname) === "" ? "/index.html" : normalize(pathname);
  const file = await read(name).catch(() => undefined);
  if (file === undefined) return response.writeHead(404, { "content-type": "text/plain" }).end("There is no such file.\n");
  const isZipped = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  response.writeHead(200, {
    "content-type": TYPES[extname(name)] ?? "application/octet-stream",
    "cache-control": name.startsWith(HASHED) ? "public, max-age=31536000, immutable" : "no-cache",
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    vary: "accept-encoding",
    ...(isZipped ? { "content-encoding": "gzip" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : isZipped ? file.zipped : file.plain);
}

/** Reads a file and compresses it. Files that never change are read once. */
async function read(name) {
  if (hashed.has(name)) return hashed.get(name);
  const plain = await readFile(join(DIST, name));
  const file = { plain, zipped: await promisify(gzip)(plain) };
  if (name.startsWith(HASHED)) hashed.set(name, file);
  return file;
}
