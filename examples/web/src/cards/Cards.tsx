import { useRenderTool } from "@copilotkit/react-core/v2";
import { z } from "zod";

import { AnyTool } from "./AnyTool";
import { MeetingResult } from "./MeetingResult";
import { Refund } from "./Refund";
import { Search } from "./Search";
import { Weather } from "./Weather";

const anything = z.any();

/** How calls of the agent's own tools look in the chat. */
export function Cards() {
  useRenderTool({ name: "get_weather", parameters: anything, render: (props) => <Weather {...props} /> });
  useRenderTool({ name: "refund_order", parameters: anything, render: (props) => <Refund {...props} /> });
  useRenderTool({ name: "schedule_meeting", parameters: anything, render: (props) => <MeetingResult {...props} /> });
  // What this tool does is shown by its activity.
  useRenderTool({ name: "work_through", parameters: anything, render: () => null });
  useRenderTool({ name: "search_flights", parameters: anything, render: (props) => <Search {...props} /> });
  useRenderTool({ name: "search_hotels", parameters: anything, render: (props) => <Search {...props} /> });
  useRenderTool({ name: "*", render: (props) => <AnyTool {...props} /> });
  return null;
}
