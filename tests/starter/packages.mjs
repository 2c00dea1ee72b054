// The packages of npm that a guide installs.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Puts the installed packages of this repository into a folder of the project, if they are those that the block installs. */
export function putPackages({ project, checkout }, { file, folder, block }) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(checkout, file), "utf8"));
  const known = { ...dependencies, ...devDependencies };
  const named = [...block.matchAll(/\s((?:@[a-z-]+\/)?[a-z-]+)@([\w.-]+)/g)];
  if (!/npm install /.test(block) || named.length === 0) throw new Error("the block installs no package");
  for (const [, name, version] of named) {
    if (known[name] !== version) throw new Error(`the block installs ${name} ${version}, and ${file} has ${known[name]}`);
  }
  const installed = join(checkout, dirname(file), "node_modules");
  if (!existsSync(installed)) throw new Error(`the packages of ${file} are not installed: npm ci`);
  const target = join(project, folder);
  mkdirSync(target, { recursive: true });
  try {
    // Links need no space.
    execFileSync("cp", ["--archive", "--link", installed, target], { stdio: "ignore" });
  } catch {
    execFileSync("cp", ["--archive", installed, target]);
  }
}
