// Makes a project outside of this repository and follows docs/getting-started.md in it, as a new user does, and then release.md
// with the program that SAM has built. steps.mjs says how a guide is written.
//
// What a reader's machine has and this one may not have in the same form:
//
// - what cargo builds is in target/outside, where the package of tests/outside is built, too;
// - SAM and cargo-lambda are those of this repository;
// - the release build is not optimised, which would take minutes: what it does after a panic does not depend on it. What
//   `make package` builds of this repository is.

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program, root } from "../web/support/paths.mjs";
import { follow } from "./follow.mjs";
import { openPage } from "./page.mjs";

/** Where the project's cargo builds. AGUI_STARTER_TARGET names another folder. */
const target = process.env.AGUI_STARTER_TARGET ?? join(root, "target", "outside");
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";

const folder = mkdtempSync(join(tmpdir(), "starter-"));
const project = join(folder, "my-agent");
// The project finds what is built by a link, because SAM looks into the folder `target` of the project.
const foreign = /^(AGUI_|AWS_|CARGO_TARGET_DIR|MAKE)/;
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
  SAM_VENV: join(root, ".venv-sam"),
  CARGO_PROFILE_RELEASE_LTO: "false",
  CARGO_PROFILE_RELEASE_OPT_LEVEL: "0",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
  AG_UI_DEV: program("ag-ui-dev"),
  // No command may find an account.
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
  NO_PROXY: "127.0.0.1,localhost",
  no_proxy: "127.0.0.1,localhost",
  COPILOTKIT_TELEMETRY_DISABLED: "true",
  // Most packages are in npm's cache, because examples/web has them, too.
  npm_config_prefer_offline: "true",
  npm_config_audit: "false",
  npm_config_fund: "false",
};
/** What a guide says, and what is in its place here. */
const places = { "../my-agent": project, ARCHITECTURE: process.arch === "arm64" ? "arm64" : "x86_64" };

/** Links what is installed and built here into the new project. */
function prepare() {
  mkdirSync(target, { recursive: true });
  symlinkSync(target, join(project, "target"));
  // SAM's environment is not installed again, although this file is newer than it.
  utimesSync(join(project, "deploy", "requirements.txt"), 0, 0);
}

process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const hasBrowser = existsSync(chromium);
const scene = { project, checkout: root, env, places, prepare, openPage: hasBrowser ? openPage : undefined };
let left = 0;
for (const guide of ["docs/getting-started.md", "tests/starter/release.md"]) {
  console.log(`test-starter: ${guide}`);
  try {
    left += await follow(join(root, guide), scene);
  } catch (error) {
    // Where it failed in this program does not matter: the message has the line of the guide.
    console.error(`test-starter: ${error.message}`);
    process.exit(1);
  }
}
if (left > 0) {
  console.error(`\n***\n*** NOT TESTED: ${left} steps on pages. There is no ${chromium}.`);
  console.error("*** Install it (apt-get install chromium), or set CHROMIUM, and run: make test-starter\n***\n");
}
