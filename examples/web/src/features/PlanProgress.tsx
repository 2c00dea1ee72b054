import { useAgent } from "@copilotkit/react-core/v2";

interface Step {
  description: string;
  status: string;
}

/** Agentic generative user interface: the steps are in the state of the agent, which changes it while it works. */
export function PlanProgress() {
  const { agent } = useAgent();
  const steps: Step[] = agent.state?.steps ?? [];
  const done = steps.filter((step) => step.status === "completed").length;
  return (
    <section className="panel" aria-label="Plan">
      {steps.length === 0 ? (
        <p className="empty">No plan yet.</p>
      ) : (
        <>
          <p role="status">{done} of {steps.length} steps are done.</p>
          <progress aria-label="Progress of the plan" max={steps.length} value={done} />
          <ol className="progress-steps">
            {steps.map((step, index) => (
              <li key={index} className={step.status === "completed" ? "completed" : ""}>
                {step.description}
                <span className="hidden-text">{step.status === "completed" ? ", done" : ", to do"}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
