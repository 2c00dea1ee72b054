// Reads a guide, a Markdown file, as the list of its steps.
//
// A comment says what a reader does with the block below it, or what a reader does at this place:
//
//   <!-- run -->                     runs the block in the project, as a script of the shell, which succeeds
//   <!-- run in the checkout -->     the same, in the folder of ag-ui-lambda
//   <!-- run: stops with TEXT -->    the same in the project, but the script fails and prints TEXT
//   <!-- packages FILE -->           runs the block in the project, after checking that the packages which it installs with npm
//                                    have the versions of FILE, which the other tests use
//   <!-- serve: TEXT -->             starts the block as a program that stays, and waits until it prints TEXT
//   <!-- build -->                   runs `cargo build`, and waits until `make run` serves what was built
//   <!-- stop -->                    ends the program that was started last, as Ctrl+C does
//   <!-- new FILE -->                makes a file of the block
//   <!-- append FILE -->             adds the block to the end of the file
//   <!-- below FILE: LINE -->        adds the block below LINE, which is once in the file
//   <!-- above FILE: LINE -->        adds it above LINE
//   <!-- replace FILE: LINE -->      puts the block in place of LINE, which is once in the file
//   <!-- open ADDRESS -->            opens a page in a browser; without an address it is the one that `make run` prints
//   <!-- as PERSON -->               chooses the caller on the page of `make run`
//   <!-- say: TEXT -->               writes TEXT into the page, and sends it
//   <!-- press BUTTON -->            presses a button of the page
//   <!-- see: TEXT -->               TEXT is in the output of the last script; `...` is any text, and so is a line break
//   <!-- see page: TEXT -->          it is in the page, below the message that was sent last
//   <!-- see tab NAME: TEXT -->      it is in this tab of the page
//   <!-- see server: TEXT -->        it is in the output of the program that was started last, and was not seen before
//
// So that no comment says more than a reader reads: a block without a comment is an error, and so is a TEXT behind "say" of which
// the guide does not say the same.

/** The verbs, each with what its comment has behind it, and whether it has a block. */
const VERBS = {
  run: { form: /^(?:|(?<place>in the checkout)|: stops with (?<stops>.+))$/, block: true },
  packages: { form: /^ (?<file>\S+)$/, block: true },
  serve: { form: /^: (?<ready>.+)$/, block: true },
  build: { form: /^$/, block: false },
  stop: { form: /^$/, block: false },
  new: { form: /^ (?<file>\S+)$/, block: true },
  append: { form: /^ (?<file>\S+)$/, block: true },
  below: { form: /^ (?<file>[^\s:]+): (?<beside>.+)$/, block: true },
  above: { form: /^ (?<file>[^\s:]+): (?<beside>.+)$/, block: true },
  replace: { form: /^ (?<file>[^\s:]+): (?<beside>.+)$/, block: true },
  open: { form: /^(?: (?<address>http\S+))?$/, block: false },
  as: { form: /^ (?<person>.+)$/, block: false },
  say: { form: /^: (?<text>.+)$/, block: false },
  press: { form: /^ (?<button>.+)$/, block: false },
  see: { form: /^(?: (?:(?<where>page|server)|tab (?<tab>[^:]+)))?: (?<text>.+)$/, block: false },
};

/** Reads the steps of a guide: `{ line, verb, block, ... }`, with what the comment names. Throws for what nobody would do. */
export function readSteps(markdown) {
  const steps = [];
  let step;
  let fence;
  markdown.split("\n").forEach((text, index) => {
    const line = index + 1;
    const fail = (why) => {
      throw new Error(`line ${line}: ${why}`);
    };
    if (fence !== undefined) {
      if (text.trim() === fence.end) fence = undefined;
      else fence.step.block += `${text.slice(fence.indent)}\n`;
      return;
    }
    const opening = /^( *)(`{3,})(.*)$/.exec(text);
    if (opening !== null) {
      if (step === undefined) fail("no comment says what to do with this block");
      fence = { indent: opening[1].length, end: opening[2], step };
      Object.assign(step, { block: "", language: opening[3].trim() });
      step = undefined;
      return;
    }
    if (text.trim() !== "" && step !== undefined) fail(`the block of "${step.verb}" in line ${step.line} is missing`);
    const comment = /^\s*<!-- (.*) -->$/.exec(text);
    if (comment === null) return;
    const found = readComment(comment[1]) ?? fail(`nobody knows what "${comment[1]}" means`);
    steps.push({ line, ...found });
    if (VERBS[found.verb].block) step = steps.at(-1);
  });
  if (fence !== undefined) throw new Error(`the block of line ${fence.step.line} has no end`);
  if (step !== undefined) throw new Error(`line ${step.line}: the block of "${step.verb}" is missing`);
  const visible = markdown.replaceAll(/<!--.*-->/g, "").replaceAll(/\s+/g, " ");
  const unsaid = steps.find(({ verb, text }) => verb === "say" && !visible.includes(text));
  if (unsaid !== undefined) throw new Error(`line ${unsaid.line}: a reader is not asked to write this: ${unsaid.text}`);
  return steps;
}

/** Reads a comment; undefined if it has no form of the table. */
function readComment(text) {
  const verb = /^[a-z]+/.exec(text)?.[0];
  if (!Object.hasOwn(VERBS, verb ?? "")) return undefined;
  const rest = text.slice(verb.length);
  const match = VERBS[verb].form.exec(verb === "run" ? rest.trimStart() : rest);
  return match === null ? undefined : { verb, ...match.groups };
}

/**
 * Returns where in `text` the first occurrence of `wanted` ends, or undefined. In `wanted`, `...` is any text, and white space is
 * any white space.
 */
export function endOf(wanted, text) {
  const escaped = (words) => words.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&").replaceAll(/\s+/g, "\\s+");
  const match = new RegExp(wanted.trim().split(/\s*\.\.\.\s*/).map(escaped).join("[\\s\\S]*?")).exec(text);
  return match === null ? undefined : match.index + match[0].length;
}
