import { useHumanInTheLoop } from "@copilotkit/react-core/v2";
import { useState } from "react";
import { z } from "zod";

import { Card } from "../cards/Card";
import { useAnnouncement } from "../chat/announcements";
import { useOnce } from "../cards/ask";
import { parseResult } from "../cards/result";
import { NOT_FINISHED, useCallState } from "../cards/isOver";

interface Step {
  description: string;
  status: "enabled" | "disabled";
}

/** Human in the loop: the agent proposes a plan, and goes on with the steps that the person has chosen. */
export function Steps() {
  useHumanInTheLoop({
    name: "generate_task_steps",
    description: "Shows the user the steps of a plan, who then chooses which of them to do.",
    parameters: z.object({
      steps: z.array(
        z.object({
          description: z.string().describe("The step, in a few words."),
          status: z.enum(["enabled", "disabled"]).describe("`enabled`, unless the user has ruled the step out."),
        }),
      ),
    }),
    render: (call: any) => (
      <Plan call={call} steps={call.args?.steps ?? []} respond={call.status === "executing" ? call.respond : undefined} />
    ),
  });
  return null;
}

interface PlanProps {
  call: any;
  steps: Partial<Step>[];
  respond?: (value: unknown) => void;
}

function Plan({ call, steps, respond }: PlanProps) {
  const state = useCallState(call);
  const { isAnswered, once } = useOnce();
  const [changed, setChanged] = useState<Record<number, boolean>>({});
  useAnnouncement(respond === undefined ? "" : "A plan waits for you: choose its steps.");
  const answer = state === "complete" ? parseResult(call.result) : undefined;
  const isChosen = (index: number) =>
    answer?.steps?.[index] !== undefined
      ? answer.steps[index].status === "enabled"
      : (changed[index] ?? steps[index].status !== "disabled");
  const chosen = steps.map((step, index) => ({ description: step.description, status: isChosen(index) ? "enabled" : "disabled" }));
  const count = chosen.filter((step) => step.status === "enabled").length;
  return (
    <Card label="Steps" title="Which steps?" status={stateOf(answer) ?? (state === "unfinished" ? NOT_FINISHED : `${count} of ${steps.length} chosen`)}>
      <ul className="steps">
        {steps.map((step, index) => (
          <li key={index}>
            <label>
              <input
                type="checkbox"
                checked={isChosen(index)}
                disabled={respond === undefined || isAnswered}
                onChange={(event) => setChanged({ ...changed, [index]: event.target.checked })}
              />
              {step.description}
            </label>
          </li>
        ))}
      </ul>
      {respond !== undefined && (
        <div className="actions">
          <button className="primary" disabled={isAnswered} onClick={once(() => respond({ accepted: true, steps: chosen }))}>
            Perform steps
          </button>
          <button disabled={isAnswered} onClick={once(() => respond({ accepted: false }))}>Reject</button>
        </div>
      )}
    </Card>
  );
}

function stateOf(answer: Record<string, any> | undefined) {
  if (answer === undefined) return undefined;
  return answer.accepted ? "Confirmed" : "Rejected";
}
