// A person's answers, as CopilotKit's core sends them: each in a thread of its own, named for what the answer is and how
// the front end brings it. What ran is counted by the function's log, thread by thread.

import { answer, frontEnds, goesOn, holdsResult, nobody, no, yes } from "./gated.mjs";
import { callsOf } from "./wire.mjs";

const refunded = { order_id: "1234", amount: 20, status: "refunded" };
const misfit = { status: "resolved", payload: { approved: "yes" } };
const silent = { status: "resolved" };
const tuesday = { status: "resolved", payload: { chosen_time: "2026-12-01T10:00:00Z", chosen_label: "Tuesday" } };
const edited = (boxes) => ({ status: "resolved", payload: { approved: true, editedArgs: { boxes } } });
const size = (size) => ({ status: "resolved", payload: { size } });

/** Name, front ends, the user's words, the answers one after another, members of the result. */
const approvals = [
  ["approve", ["same", "new"], "refund order 1234 for 20", [yes], refunded],
  ["deny", ["same", "new"], "refund order 1234 for 20", [no], { interrupt: "denied" }],
  ["cancel", ["same", "new"], "refund order 1234 for 20", [nobody], { interrupt: "cancelled" }],
  ["misfit", ["same", "new"], "refund order 1234 for 20", [misfit, yes], refunded],
  ["silent", ["same", "new"], "refund order 1234 for 20", [silent, yes], refunded],
  ["question", Object.keys(frontEnds), "schedule a meeting", [tuesday], { label: "Tuesday" }],
  ["unasked", Object.keys(frontEnds), "schedule a meeting", [nobody], { interrupt: "cancelled" }],
];

const tools = [
  ["buy", ["same", "new"], "buy", [yes], { bought: 2 }],
  ["leave", ["same", "new"], "buy", [no], { interrupt: "denied" }],
  ["edit", ["same", "new"], "buy", [edited(3)], { bought: 3 }],
  ["misedit", ["same", "new"], "buy", [edited("many"), edited(4)], { bought: 4 }],
  ["measure", Object.keys(frontEnds), "call tailor", [yes, size(48)], { coat: 48 }],
  ["mismeasure", Object.keys(frontEnds), "call tailor", [yes, size("big"), size(50)], { coat: 50 }],
];

export const answers = {
  /** Answers to the tools of the demo agent, whose approvals count once. */
  async answers(conversation) {
    await playAll(conversation, approvals);
    for (const name of ["same", "new"]) {
      await restarted(conversation, name);
      await pressedAgain(conversation, name);
      await pressedTwice(conversation, name);
      await sentTwice(conversation, name);
    }
  },

  /** Answers to the tools of the function for tests: arguments are edited, and a question follows an approval. */
  answersToTools: (conversation) => playAll(conversation, tools),

  /** Answers that come when their time is over. */
  async answersLate(conversation) {
    const asked = [];
    for (const frontEnd of ["same", "new"]) {
      for (const [name, text, given] of [
        ["late", "refund order 1234 for 20", yes],
        ["latecancel", "refund order 1234 for 20", nobody],
        ["latequestion", "schedule a meeting", tuesday],
      ]) {
        const thread = conversation.begin(`${name}-${frontEnd}`);
        asked.push({ thread, frontEnd, given, ...(await ask(thread, text)) });
      }
    }
    await aSecond();
    for (const { thread, frontEnd, given, run, call } of asked) {
      const next = await answer(thread, frontEnds[frontEnd], run, given);
      await ended(thread, next, call, { interrupt: "expired" });
    }
  },

  /**
   * The same where the interrupt says when it ends (AGUI_SEND_EXPIRES_AT=1): both clients refuse a yes by themselves. One
   * of them still says that nobody has answered; the other has to be helped, as docs/approvals.md has it.
   */
  async answersExpired(conversation) {
    const thread = conversation.begin("expired");
    const { run, call } = await ask(thread, "refund order 1234 for 20");
    await aSecond();
    const frontEnd = frontEnds.plain;
    const refused = await answer(thread, frontEnd, run, yes, { isLost: true });
    thread.check(/expired/.test(refused.failure?.message) && refused.status === undefined, "the client sends a late yes");
    if (conversation.spokenVersion === "1.0") {
      const next = await answer(thread, frontEnd, run, nobody);
      return ended(thread, next, call, { interrupt: "expired" });
    }
    const again = await answer(thread, frontEnd, run, nobody, { isLost: true });
    thread.check(again.status === undefined, "the client has learnt to send that nobody has answered");
    thread.forgetInterrupts();
    thread.answer(call.id, JSON.stringify({ error: "expired" }));
    return goesOn(thread, "recall");
  },
};

/** That this time passes is what a scenario is about: interrupts of its function live for a second. */
const aSecond = () => new Promise((resolve) => setTimeout(resolve, 1000));

async function playAll(conversation, table) {
  for (const [name, names, text, given, members] of table) {
    for (const frontEnd of names) {
      const thread = conversation.begin(`${name}-${frontEnd}`);
      let { run, call } = await ask(thread, text);
      for (const one of given) {
        const results = thread.messages().filter(({ role }) => role === "tool");
        thread.check(results.length === 0, `before an answer counts the list holds ${JSON.stringify(results)}`);
        run = await answer(thread, frontEnds[frontEnd], run, one);
      }
      await ended(thread, run, call, members);
    }
  }
}

/** The user's words lead to one call, which waits. */
async function ask(thread, text) {
  const run = await thread.say(text);
  const [call, ...others] = callsOf(run.events);
  thread.check(run.outcome === "interrupt" && others.length === 0, `"${text}" ended in ${run.outcome}`);
  return { run, call };
}

/** The answer has become the call's one result, for the client and for whoever reads its next message. */
async function ended(thread, run, call, members) {
  thread.check(run.outcome === "success", `the answer ended in ${run.outcome}`);
  holdsResult(thread, call.id, members);
  const next = await goesOn(thread, "recall");
  holdsResult(thread, call.id, members, next.input.messages);
  holdsResult(thread, call.id, members);
  // The function for tests has its model say what it reads. The demo agent's says what it was asked.
  const result = next.input.messages.find(({ toolCallId }) => toolCallId === call.id).content;
  const isRead = next.modelText === result || next.modelText?.startsWith("You said: recall");
  thread.check(isRead, `of ${result} the model reads ${next.modelText}`);
}

/** The process that asked is gone, and another one is answered. */
async function restarted(conversation, frontEnd) {
  const thread = conversation.begin(`restart-${frontEnd}`);
  const { run, call } = await ask(thread, "refund order 1234 for 20");
  thread.setHeader("x-restart", "yes");
  const next = await answer(thread, frontEnds[frontEnd], run, yes);
  thread.setHeader("x-restart", undefined);
  await ended(thread, next, call, refunded);
}

/** The page presses once more when the answer has its result. */
async function pressedAgain(conversation, frontEnd) {
  const thread = conversation.begin(`pressagain-${frontEnd}`);
  const { run, call } = await ask(thread, "refund order 1234 for 20");
  await answer(thread, frontEnds[frontEnd], run, yes);
  const again = await answer(thread, frontEnds[frontEnd], run, yes);
  await ended(thread, again, call, refunded);
}

/** The page presses twice before anything has come. */
async function pressedTwice(conversation, frontEnd) {
  const thread = conversation.begin(`presstwice-${frontEnd}`);
  const { run, call } = await ask(thread, "refund order 1234 for 20");
  const press = () => answer(thread, frontEnds[frontEnd], run, yes);
  const [, last] = await Promise.all([press(), press()]);
  await ended(thread, last, call, refunded);
}

/** Something on the way sends the very same request again. */
async function sentTwice(conversation, frontEnd) {
  const thread = conversation.begin(`sendtwice-${frontEnd}`);
  const { run, call } = await ask(thread, "refund order 1234 for 20");
  const next = await answer(thread, frontEnds[frontEnd], run, yes);
  const kinds = (events) => events.map(({ type }) => type).join(" ");
  const again = await thread.resend();
  thread.check(kinds(again) === kinds(next.events), `sent again it is answered with ${kinds(again)}`);
  const [first, second] = [next.events, again].map((events) => events.find(({ type }) => type === "TOOL_CALL_RESULT"));
  thread.check(first?.content === second?.content, `sent again it comes to ${second?.content}`);
  await ended(thread, next, call, refunded);
}
