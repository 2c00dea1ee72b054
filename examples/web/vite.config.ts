import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // CopilotKit's chat renders Markdown with code, formulas and diagrams; its parts are loaded when they are needed.
  build: { chunkSizeWarningLimit: 4000 },
});
