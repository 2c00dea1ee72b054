#!/usr/bin/env node
// Proves that a recorded stream is what the protocol's own TypeScript schemas allow, byte by byte.
//
// The official client is too kind for a test: it strips unknown keys with a warning, drops unknown events and
// never looks at the framing. This oracle refuses all of that. It knows nothing of the order of events: that is
// validate.py's and the client's business.
//
//   node frames.mjs FILE...     check recordings (- or nothing reads stdin)
//   node frames.mjs --self-test prove that broken streams are refused
//
// Exit 0 when all is well, 1 with a line for each fault, 2 on bad usage.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The packages are installed beside the clients, so resolution starts there.
const require = createRequire(new URL("../clients/package.json", import.meta.url));
const { EventSchemas } = require("@ag-ui/core/schemas");

/** Splits a stream into frames; every departure from `data: {json}\n\n` or `: comment\n\n` is a fault. */
export function splitFrames(bytes) {
  const faults = [];
  const events = [];
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { events, faults: ["stream: not valid UTF-8"] };
  }
  if (text.startsWith("\uFEFF")) faults.push("stream: begins with a byte order mark");
  if (text.includes("\r")) faults.push("stream: holds a carriage return; lines end in LF only");
  if (text === "") return { events, faults: ["stream: is empty"] };
  if (!text.endsWith("\n\n")) faults.push("stream: ends inside a frame (no final blank line)");

  const frames = text.replace(/\n\n$/, "").split("\n\n");
  frames.forEach((frame, index) => {
    const at = `frame ${index + 1}`;
    if (frame.startsWith(":") && !frame.includes("\n")) return;
    if (frame === "" || frame.startsWith("\n")) return faults.push(`${at}: blank line too many`);
    if (frame.includes("\n")) return faults.push(`${at}: more than one line`);
    if (!frame.startsWith("data: ")) return faults.push(`${at}: is neither "data: " nor a comment`);
    try {
      events.push({ at, event: JSON.parse(frame.slice("data: ".length)) });
    } catch {
      faults.push(`${at}: data is not JSON`);
    }
  });
  if (events.length === 0 && faults.length === 0) faults.push("stream: holds no event");
  return { events, faults };
}

/** Faults of one event against the schema of its type, unknown keys included. */
export function eventFaults(event) {
  const parsed = EventSchemas.safeParse(event);
  const faults = parsed.success ? [] : parsed.error.issues.flatMap(describe);
  const schema = EventSchemas.options.find((option) => literalOf(option.shape.type) === event?.type);
  return schema ? faults.concat(unknownKeys(schema, event, "")) : faults;
}

function describe(issue) {
  const path = `/${issue.path.join("/")}`;
  // A plain union (string or content parts) reports each branch; the closest branch says most.
  const branches = (issue.errors ?? []).flat().map((inner) => `${path}/${inner.path.join("/")} ${inner.message}`);
  return [`${path} ${issue.message}${branches.length ? ` (${branches.join("; ")})` : ""}`];
}

// The generated schemas are all z.looseObject, because the client wants to see unknown keys before it strips them,
// and mark with `specOpen` the few objects that the protocol really leaves open (RFC 6902 operations). So strictness
// is added here: schema and value are walked side by side, and any key that the schema does not name is a fault.
function unknownKeys(schema, value, path) {
  const def = schema.def;
  switch (def.type) {
    case "optional":
    case "nullable":
    case "default":
    case "readonly":
      return unknownKeys(def.innerType, value, path);
    case "lazy":
      return unknownKeys(def.getter(), value, path);
    case "pipe":
      return unknownKeys(def.in, value, path);
    case "array":
      if (!Array.isArray(value)) return [];
      return value.flatMap((element, index) => unknownKeys(def.element, element, `${path}/${index}`));
    case "union": {
      const branch = def.discriminator
        ? def.options.find((option) => literalOf(option.shape[def.discriminator]) === value?.[def.discriminator])
        : def.options.find((option) => option.safeParse(value).success);
      return branch ? unknownKeys(branch, value, path) : [];
    }
    case "object": {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
      return Object.keys(value).flatMap((key) => {
        if (Object.hasOwn(def.shape, key)) return unknownKeys(def.shape[key], value[key], `${path}/${key}`);
        return schema.meta()?.specOpen ? [] : [`${path}/${key} is not in the schema`];
      });
    }
    // Open data: state, metadata, tool parameters and the like, and the leaves.
    case "any":
    case "unknown":
    case "custom":
    case "string":
    case "number":
    case "int":
    case "boolean":
    case "literal":
    case "enum":
    case "record":
      return [];
    default:
      throw new Error(`frames.mjs does not know schema kind ${def.type} at ${path}; teach unknownKeys about it`);
  }
}

const literalOf = (schema) => (schema?.def.type === "literal" ? schema.def.values[0] : undefined);

export function streamFaults(bytes) {
  const { events, faults } = splitFrames(bytes);
  return faults.concat(events.flatMap(({ at, event }) => eventFaults(event).map((fault) => `${at}: ${fault}`)));
}

async function main(args) {
  if (args.includes("--self-test")) return (await import("./frames-self-test.mjs")).run();
  if (args.some((arg) => arg.startsWith("-") && arg !== "-")) {
    console.error("usage: node frames.mjs [FILE...|-] | --self-test");
    return 2;
  }
  let code = 0;
  for (const file of args.length ? args : ["-"]) {
    let bytes;
    try {
      bytes = readFileSync(file === "-" ? 0 : file);
    } catch (error) {
      console.error(`${file}: ${error.message}`);
      return 2;
    }
    const faults = streamFaults(bytes);
    faults.forEach((fault) => console.log(`${file}: ${fault}`));
    const count = splitFrames(bytes).events.length;
    console.log(`${file}: ${faults.length ? `${faults.length} fault(s)` : `ok, ${count} events`}`);
    if (faults.length) code = 1;
  }
  return code;
}

// Not awaited: the self-test imports this module, and would wait for it to finish loading.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main(process.argv.slice(2)).then((code) => (process.exitCode = code));
}
