#!/usr/bin/env node
// Drives one scenario against a running function through an official AG-UI client.
//
// It is the proof that real front ends work: @ag-ui/client 1.0.0, and 0.0.59 that CopilotKit still bundles. What the
// client itself lets pass is checked as well (wire.mjs). It starts no server: give it the URL of one.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { clients, play } from "./conversation.mjs";
import { scenarios } from "./scenarios.mjs";

const usage = `usage: node drive.mjs --client VERSION --url URL --scenario NAME [options]

  --client VERSION        ${Object.keys(clients).join(" or ")}
  --url URL               where the agent answers POST
  --scenario NAME         ${Object.keys(scenarios).join(", ")}
  --header 'Name: value'  a request header; may be repeated
  --record FILE           write the raw bytes of each run to FILE-1.sse, FILE-2.sse, ...
  --timeout SECONDS       give up on a run after this long (default 60)
  --help                  print this

Prints one line of JSON: {"ok","scenario","client","problems","outline"}.
Exit 0 when ok, 1 when not, 2 on bad usage.`;

class BadUsage extends Error {}

function options(args) {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        client: { type: "string" },
        url: { type: "string" },
        scenario: { type: "string" },
        header: { type: "string", multiple: true, default: [] },
        record: { type: "string" },
        timeout: { type: "string", default: "60" },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new BadUsage(error.message);
  }
  if (values.help) return { help: true };
  const oneOf = (name, choices) => {
    if (!Object.hasOwn(choices, values[name] ?? "")) {
      throw new BadUsage(`--${name} is one of: ${Object.keys(choices).join(", ")}`);
    }
    return values[name];
  };
  if (!URL.canParse(values.url ?? "") || !/^https?:/.test(values.url)) throw new BadUsage("--url is an http(s) URL");
  const seconds = Number(values.timeout);
  if (!(seconds > 0)) throw new BadUsage("--timeout is a number of seconds");
  const headers = values.header.map((header) => {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(header) ?? [];
    if (name === undefined) throw new BadUsage("--header is 'Name: value'");
    return [name, value];
  });
  return {
    client: oneOf("client", clients),
    scenario: oneOf("scenario", scenarios),
    url: values.url,
    headers: Object.fromEntries(headers),
    record: values.record,
    timeoutMs: seconds * 1000,
  };
}

async function main(args) {
  const { help, record, ...request } = options(args);
  if (help) {
    console.log(usage);
    return 0;
  }
  const { recordings, ...report } = await play(request);
  if (record !== undefined) recordings.forEach((bytes, index) => writeFileSync(`${record}-${index + 1}.sse`, bytes));
  console.log(JSON.stringify(report));
  return report.ok ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BadUsage)) throw error;
  console.error(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
