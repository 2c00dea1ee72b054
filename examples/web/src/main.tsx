import { createRoot } from "react-dom/client";

import "@copilotkit/react-core/v2/styles.css";
import "./styles.css";
import { App } from "./App";
import { followColorScheme } from "./shell/colorScheme";

followColorScheme();
createRoot(document.getElementById("root")!).render(<App />);
