//! The names of all variables that begin with `AGUI_`, to find misspelt ones.

use tracing::warn;

use crate::suggest::nearest;

/// The beginning of all variables of this crate.
const PREFIX: &str = "AGUI_";

/// All variables that the configuration and the development server read.
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
    "AGUI_WHO_SECRET_ID",
    "AGUI_TOOL_TIMEOUT_S",
];

/// Logs a warning for each of the `variables`, which are names, that begins with `AGUI_` and is not known. Such a
/// variable is probably misspelt and has no effect, which is easily overlooked.
pub(super) fn warn_of_unknown(variables: impl Iterator<Item = String>) {
    for (variable, did_you_mean) in find_unknown(variables) {
        warn!(variable, did_you_mean, "this variable is not known and is ignored");
    }
}

/// Returns the names that begin with `AGUI_` and are not known, sorted, each with the known name that is most
/// similar, or `None` if no known name is similar.
fn find_unknown(variables: impl Iterator<Item = String>) -> Vec<(String, Option<&'static str>)> {
    let is_unknown = |name: &String| name.starts_with(PREFIX) && !KNOWN.contains(&name.as_str());
    let mut unknown: Vec<_> = variables
        .filter(is_unknown)
        .map(|name| {
            let without_prefix = |known: &&'static str| known.strip_prefix(PREFIX);
            let nearest = nearest(&name[PREFIX.len()..], KNOWN.iter().filter_map(without_prefix));
            let found = KNOWN.iter().copied().find(|known| known.strip_prefix(PREFIX) == nearest);
            (name, nearest.and(found))
        })
        .collect();
    unknown.sort_unstable();
    unknown
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn misspelt_variable_is_found_with_similar_name() {
        let variables =
            ["AGUI_TOKEN_SECERT_ID", "AGUI_MODLE", "AGUI_MODEL", "AGUI_QUX", "PATH", "AGUI_MAX_TURN"];
        assert_eq!(
            find_unknown(variables.into_iter().map(ToOwned::to_owned)),
            [
                ("AGUI_MAX_TURN".to_owned(), Some("AGUI_MAX_TURNS")),
                ("AGUI_MODLE".to_owned(), Some("AGUI_MODEL")),
                ("AGUI_QUX".to_owned(), None),
                ("AGUI_TOKEN_SECERT_ID".to_owned(), Some("AGUI_TOKEN_SECRET_ID")),
            ]
        );
    }

    /// A variable that is read and not in the list would be reported as unknown.
    #[test]
    fn list_has_exactly_the_variables_that_are_read() {
        let sources = [
            include_str!("mod.rs"),
            include_str!("approval.rs"),
            include_str!("auth.rs"),
            include_str!("budget.rs"),
            include_str!("client.rs"),
            include_str!("cors.rs"),
            include_str!("input_limits.rs"),
            include_str!("lambda.rs"),
            include_str!("local.rs"),
            include_str!("model.rs"),
            // The development server of local mode.
            include_str!("../../../ag-ui-dev/src/server/settings.rs"),
        ];
        let quoted = sources.iter().flat_map(|source| source.split('"'));
        let is_name = |text: &&str| {
            text.starts_with(PREFIX) && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        let read: BTreeSet<&str> = quoted.filter(is_name).collect();
        assert_eq!(read, KNOWN.iter().copied().collect());
    }
}
