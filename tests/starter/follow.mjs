// Follows a guide, step by step, in a project.

import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { changeFile } from "./files.mjs";
import { checkPackages } from "./packages.mjs";
import { endOf, readSteps } from "./steps.mjs";
import { run, serve } from "./terminal.mjs";

/** The steps that need a browser. */
const isOnPage = ({ verb, where, tab }) => ["open", "as", "say", "press"].includes(verb) || where === "page" || tab !== undefined;

/**
 * Does the steps of the guide at `path`. `project` and `checkout` are the folders, `env` the variables of all programs. `places`
 * are texts of the guide with what stands in their place here, such as the folder of the project. `prepare` is called when a
 * script in the checkout has made the project. `openPage(address)` opens a page; without it, the steps on pages are left out.
 * Returns how many steps were left out.
 */
export async function follow(path, { project, checkout, env, places = {}, prepare, openPage, report = console.log }) {
  const scene = { project, checkout, env: { ...env }, places: { ...places }, prepare, openPage };
  Object.assign(scene, { servers: [], needed: 0, output: "" });
  let left = 0;
  try {
    for (const written of readSteps(readFileSync(path, "utf8"))) {
      const step = placed(scene, written);
      if (openPage === undefined && isOnPage(step)) {
        left += 1;
        continue;
      }
      const started = Date.now();
      try {
        await VERBS[step.verb](scene, step);
      } catch (error) {
        const title = `${relative(checkout, path)}:${step.line}: ${titleOf(step)}`;
        throw new Error(`${title}\n${step.block ?? step.text ?? ""}\n${error.message}`);
      }
      report(`  line ${step.line}: ${titleOf(step)} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    }
    await leavePage(scene);
    return left;
  } finally {
    // What a page has thrown is no news after another failure.
    await leavePage(scene).catch(() => {});
    for (const server of scene.servers) await server.stop();
  }
}

/** A step in a few words: its verb, and what it names. */
function titleOf({ verb, file, person, button, where, tab, text, address, block }) {
  const about = file ?? person ?? button ?? where ?? tab ?? text ?? address ?? block?.split("\n")[0];
  return about === undefined ? verb : `${verb} ${about}`;
}

/** How each verb is done. */
const VERBS = {
  async run(scene, { block, place, stops }) {
    const folder = place === undefined ? scene.project : scene.checkout;
    scene.output = await run(block, { folder, env: scene.env, stops });
    if (place !== undefined) scene.prepare?.();
  },
  async packages(scene, step) {
    checkPackages(scene.checkout, step);
    scene.output = await run(step.block, { folder: scene.project, env: scene.env });
  },
  async serve(scene, { block, ready }) {
    const server = await serve(block, { folder: scene.project, env: scene.env, ready });
    scene.servers.push(server);
    // What a reader copies from the terminal of `make run`.
    const [, address, key] = /Page +(http:\/\/[^/]+)\/#key=(\S+)/.exec(server.output()) ?? [];
    if (address === undefined) return;
    scene.local = `${address}/#key=${key}`;
    scene.env.TOKEN = key;
    scene.places["http://127.0.0.1:9000"] = address;
  },
  async build(scene) {
    const server = scene.servers.at(-1) ?? fail("no program is started");
    scene.output = await run("cargo build", { folder: scene.project, env: scene.env });
    await server.prints("The program was built again: the function is restarted.");
  },
  async stop(scene) {
    // A page throws when a program that it talks to ends. It needs those that had been started when it was opened.
    if (scene.servers.length <= scene.needed) await leavePage(scene);
    const server = scene.servers.pop() ?? fail("no program is started");
    await server.stop();
  },
  new: (scene, step) => changeFile(scene.project, step),
  append: (scene, step) => changeFile(scene.project, step),
  below: (scene, step) => changeFile(scene.project, step),
  above: (scene, step) => changeFile(scene.project, step),
  replace: (scene, step) => changeFile(scene.project, step),
  async open(scene, { address = scene.local }) {
    await leavePage(scene);
    scene.page = await scene.openPage(address);
    scene.needed = scene.servers.length;
  },
  as: (scene, { person }) => pageOf(scene).as(person),
  say: (scene, { text }) => pageOf(scene).say(text),
  press: (scene, { button }) => pageOf(scene).press(button),
  async see(scene, { text, where, tab }) {
    if (where === "page" || tab !== undefined) return pageOf(scene).shows(text, tab);
    if (where === "server") return (scene.servers.at(-1) ?? fail("no program is started")).prints(text);
    if (endOf(text, scene.output) === undefined) fail(`the last script has printed:\n${scene.output}`);
  },
};

/** Closes the page that is open. Throws if the page has thrown. */
async function leavePage(scene) {
  const { page } = scene;
  scene.page = undefined;
  await page?.close();
}

/** The page that is open. */
function pageOf({ page }) {
  return page ?? fail("no page is open");
}

/** A step with the folders and addresses of this machine. */
function placed({ places }, step) {
  const put = (text) => Object.entries(places).reduce((text, [from, to]) => text.replaceAll(from, to), text);
  return Object.fromEntries(Object.entries(step).map(([name, value]) => [name, typeof value === "string" ? put(value) : value]));
}

function fail(why) {
  throw new Error(why);
}
