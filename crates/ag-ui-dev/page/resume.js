// Answers to interrupts, as the next run carries them.

/** The kind of answer that an interrupt needs: `approval`, or the answer to a `question`. */
export function kindOf(interrupt) {
  const approved = interrupt.responseSchema?.properties?.approved;
  return approved?.type === "boolean" ? "approval" : "question";
}

/** Whether the person who approves may change the arguments of the call. */
export function allowsEdits(interrupt) {
  return interrupt.responseSchema?.properties?.editedArgs !== undefined;
}

export const approve = () => ({ status: "resolved", payload: { approved: true } });
export const approveWith = (editedArgs) => ({ status: "resolved", payload: { approved: true, editedArgs } });
export const deny = () => ({ status: "resolved", payload: { approved: false } });
export const answer = (payload) => ({ status: "resolved", payload });
export const cancel = () => ({ status: "cancelled" });

/**
 * The member `resume` of the next run's input, in the order of the interrupts.
 *
 * `answers` maps the id of an interrupt to one of the answers above. Throws if an interrupt has none, since the
 * protocol wants all of them in one run.
 */
export function buildResume(interrupts, answers) {
  return interrupts.map(({ id }) => {
    const given = answers.get(id);
    if (given === undefined) throw new Error(`interrupt ${id} has no answer`);
    // `payload` is never null: an answer without a value leaves it out.
    const { status, payload } = given;
    return { interruptId: id, status, ...(payload !== undefined && payload !== null && { payload }) };
  });
}
