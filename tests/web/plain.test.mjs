// The page without a framework.

import { describePage } from "./support/forward.mjs";

describePage("plain");
