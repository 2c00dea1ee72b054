//! How much the input of a run may hold.

use super::vars::Variables;
use crate::protocol::InputLimits;

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads the limits of an input. A limit whose variable is not set has its default.
    pub(super) fn input_limits(&mut self) -> InputLimits {
        let mut limits = InputLimits::default();
        for (variable, limit) in [
            ("AGUI_MAX_MESSAGES", &mut limits.messages),
            ("AGUI_MAX_HISTORY_CALLS", &mut limits.tool_calls),
            ("AGUI_MAX_MESSAGE_PARTS", &mut limits.content_parts),
            ("AGUI_MAX_FRONTEND_TOOLS", &mut limits.tools),
            ("AGUI_MAX_CONTEXT_ENTRIES", &mut limits.context_entries),
            ("AGUI_MAX_RESUME_ENTRIES", &mut limits.answers),
            ("AGUI_MAX_JSON_VALUES", &mut limits.json_values),
            ("AGUI_MAX_STATE_BYTES", &mut limits.state_bytes),
            ("AGUI_MAX_SCHEMA_BYTES", &mut limits.schema_bytes),
            ("AGUI_MAX_SCHEMA_DEPTH", &mut limits.schema_depth),
        ] {
            *limit = self.count(variable, *limit);
        }
        limits
    }
}
