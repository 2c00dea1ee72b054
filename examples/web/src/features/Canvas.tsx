import { useFrontendTool } from "@copilotkit/react-core/v2";
import { useState } from "react";
import { z } from "zod";

/** A tool of the page: the agent calls it, and it runs here. */
export function Canvas() {
  const [background, setBackground] = useState("");
  useFrontendTool({
    name: "change_background",
    description: "Changes the background of the canvas on the page.",
    parameters: z.object({ background: z.string().describe("A CSS background: a colour or a gradient.") }),
    handler: async ({ background }) => {
      if (!CSS.supports("background", background)) return `The page does not know the background ${background}.`;
      setBackground(background);
      return `The background is now ${background}.`;
    },
  });
  return (
    <section className="panel canvas" aria-label="Canvas" style={{ background }}>
      <p>{background === "" ? "The agent can paint this." : background}</p>
    </section>
  );
}
