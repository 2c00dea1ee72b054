import { z } from "zod";

import { Card } from "./Card";
import { useIsOver } from "./isOver";

interface Plan {
  done: number;
  steps: string[];
}

/** The activity `com.acme.plan`, which the agent's tool `work_through` updates in the chat while it works. */
export const planActivity = {
  activityType: "com.acme.plan",
  content: z.object({ done: z.number(), steps: z.array(z.string()) }),
  render: ({ content, message }: { content: Plan; message: { id: string } }) => <PlanAtWork id={message.id} {...content} />,
};

function PlanAtWork({ id, done, steps }: Plan & { id: string }) {
  const isOver = useIsOver(id);
  const isDone = done === steps.length;
  const title = isDone ? "All steps are done" : isOver ? "The plan is not finished" : steps[done];
  return (
    <Card label="Plan at work" title={title} status={`${done} of ${steps.length}`} className={isDone ? "done" : ""}>
      <progress aria-label="Steps done" max={steps.length} value={done} />
    </Card>
  );
}
