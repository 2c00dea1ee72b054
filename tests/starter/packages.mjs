// The packages of npm that a guide installs.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Throws if the packages that a block installs are not those of a `package.json`, which the other tests use. */
export function checkPackages(checkout, { file, block }) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(checkout, file), "utf8"));
  const known = { ...dependencies, ...devDependencies };
  const named = [...block.matchAll(/\s((?:@[a-z-]+\/)?[a-z-]+)@([\w.-]+)/g)];
  if (!/npm install /.test(block) || named.length === 0) throw new Error("the block installs no package");
  for (const [, name, version] of named) {
    if (known[name] !== version) throw new Error(`the block installs ${name} ${version}, and ${file} has ${known[name]}`);
  }
}
