//! The names of the variables that a function reads, to find misspelt ones.

/// All variables that begin with `AGUI_`, and have an effect in a deployed function or in local mode.
///
/// The list is that of the library's configuration. It is written down here because this crate does not depend on the library.
pub(super) const KNOWN: &[&str] = &[
    "AGUI_ALLOWED_ORIGIN",
    "AGUI_ANONYMOUS_APPROVALS",
    "AGUI_APPROVAL_KEY",
    "AGUI_APPROVAL_SECRET_ID",
    "AGUI_APPROVAL_TABLE",
    "AGUI_APPROVAL_TTL_S",
    "AGUI_AUTH",
    "AGUI_BEDROCK_GUARDRAIL_ID",
    "AGUI_BEDROCK_GUARDRAIL_VERSION",
    "AGUI_BEDROCK_PROMPT_CACHE",
    "AGUI_BUDGET_ORG_TOKENS",
    "AGUI_BUDGET_USER_TOKENS",
    "AGUI_CLAIM_GROUPS",
    "AGUI_CLAIM_ORG",
    "AGUI_CLAIM_PERMISSIONS",
    "AGUI_CLAIM_PLAN",
    "AGUI_CLAIM_SCOPES",
    "AGUI_CLAIM_USER",
    "AGUI_CLIENT_COMPAT",
    "AGUI_CLIENT_CONTEXT",
    "AGUI_CLIENT_MEDIA",
    "AGUI_CORS_ORIGINS",
    "AGUI_FRONTEND_TOOLS",
    "AGUI_IAM_PRINCIPALS",
    "AGUI_JWKS_URL",
    "AGUI_JWT_ALGORITHMS",
    "AGUI_JWT_AUDIENCE",
    "AGUI_JWT_ISSUER",
    "AGUI_KEEP_ALIVE_S",
    "AGUI_LOCAL",
    "AGUI_MAX_BODY_BYTES",
    "AGUI_MAX_CONTEXT_ENTRIES",
    "AGUI_MAX_FRONTEND_TOOLS",
    "AGUI_MAX_HISTORY_CALLS",
    "AGUI_MAX_INPUT_BYTES",
    "AGUI_MAX_JSON_VALUES",
    "AGUI_MAX_MESSAGES",
    "AGUI_MAX_MESSAGE_PARTS",
    "AGUI_MAX_RESULT_BYTES",
    "AGUI_MAX_RESUME_ENTRIES",
    "AGUI_MAX_SCHEMA_BYTES",
    "AGUI_MAX_SCHEMA_DEPTH",
    "AGUI_MAX_STATE_BYTES",
    "AGUI_MAX_TOKENS",
    "AGUI_MAX_TOOL_CALLS",
    "AGUI_MAX_TURNS",
    "AGUI_MEDIA_HOSTS",
    "AGUI_MODEL",
    "AGUI_MODEL_ALLOW_HTTP",
    "AGUI_MODEL_IDLE_TIMEOUT_S",
    "AGUI_MODEL_MAX_TOKENS",
    "AGUI_MODEL_SECRET_ID",
    "AGUI_MODEL_STOP",
    "AGUI_MODEL_TEMPERATURE",
    "AGUI_MODEL_THINKING_TOKENS",
    "AGUI_MODEL_THINK_TAGS",
    "AGUI_MODEL_TOOL_CHOICE",
    "AGUI_PATH",
    "AGUI_PORT",
    "AGUI_REQUIRE_SIGNED_RESULTS",
    "AGUI_RESPONSE_MODE",
    "AGUI_RUN_TIMEOUT_S",
    "AGUI_SCRIPTED_DELAY_MS",
    "AGUI_SEND_EXPIRES_AT",
    "AGUI_TABLE",
    "AGUI_TOKEN",
    "AGUI_TOKEN_GRACE_S",
    "AGUI_TOKEN_HEADER",
    "AGUI_TOKEN_SECRET_ID",
    "AGUI_TOOL_TIMEOUT_S",
    "AGUI_WHO_SECRET_ID",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn list_is_that_of_the_configuration_page() {
        let page = include_str!("../../../../docs/configuration.md");
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|row| row.split(" | ").next());
        let names = cells.flat_map(|cell| cell.split('`')).filter(|text| text.starts_with("AGUI_"));

        assert_eq!(names.collect::<BTreeSet<_>>(), KNOWN.iter().copied().collect());
    }
}
