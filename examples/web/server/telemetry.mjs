// Turns CopilotKit's telemetry off. main.mjs imports this first, before CopilotKit reads the variable.

process.env.COPILOTKIT_TELEMETRY_DISABLED ??= "true";
