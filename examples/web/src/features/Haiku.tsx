import { useFrontendTool } from "@copilotkit/react-core/v2";
import { z } from "zod";

import { Card } from "../cards/Card";

const parameters = z.object({
  japanese: z.array(z.string()).describe("Three lines in Japanese."),
  english: z.array(z.string()).describe("The same three lines in English."),
  image_name: z.string().optional().describe("A picture that fits. This page shows none."),
  gradient: z.string().optional().describe("A CSS gradient for the background."),
});

/** Generative user interface: the arguments of the call are what the page draws, while they are still written. */
export function Haiku() {
  useFrontendTool({
    name: "generate_haiku",
    description: "Shows a haiku on the page.",
    parameters,
    handler: async () => "The haiku is on the page.",
    // The poem is the answer. The agent need not say more.
    followUp: false,
    render: ({ args }: any) => <Poem {...args} />,
  });
  return null;
}

function Poem({ japanese = [], english = [], gradient }: Partial<z.infer<typeof parameters>>) {
  return (
    <Card label="Haiku" className="haiku">
      <span className="stripe" aria-hidden="true" style={{ background: gradient }} />
      {japanese.map((line, index) => (
        <p key={index}>
          <span lang="ja">{line}</span>
          <small>{english[index]}</small>
        </p>
      ))}
    </Card>
  );
}
