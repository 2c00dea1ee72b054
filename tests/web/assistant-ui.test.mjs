// The page of assistant-ui.

import { describePage } from "./support/forward.mjs";

describePage("assistant-ui");
