import { z } from "zod";

import { Card } from "./Card";

/** The activity `com.acme.plan`, which the agent's tool `work_through` updates in the chat while it works. */
export const planActivity = {
  activityType: "com.acme.plan",
  content: z.object({ done: z.number(), steps: z.array(z.string()) }),
  render: ({ content: { done, steps } }: { content: { done: number; steps: string[] } }) => (
    <Card
      label="Plan at work"
      title={steps[done] ?? "All steps are done"}
      status={`${done} of ${steps.length}`}
      className={done === steps.length ? "done" : ""}
    >
      <progress aria-label="Steps done" max={steps.length} value={done} />
    </Card>
  ),
};
