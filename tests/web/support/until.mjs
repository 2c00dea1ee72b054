// Waiting for something that has to become true, in place of sleeping.

const STEP_MS = 20;
/** Generous, because the machine may be busy. A test that passes never waits for it. */
const WITHIN_MS = 30_000;

/** Waits until `holds` returns something truthy, and returns that. `what` says in an error what did not become true. */
export async function until(holds, what, withinMs = WITHIN_MS) {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
