//! Approvals: the key that signs them, how long they are valid, and the store that lets each one count only once.

use std::time::Duration;

use secrecy::SecretString;

use super::vars::Variables;
use crate::approval::{ApprovalKeys, DEFAULT_TTL};

/// How approvals are signed, and how long and how often they count.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApprovalConfig {
    /// Where the key is that signs approvals.
    pub key: ApprovalKey,
    /// How long an approval can be given: `AGUI_APPROVAL_TTL_S`, in seconds. 900 by default.
    pub ttl: Duration,
    /// The name of the DynamoDB table that records which approvals were used: `AGUI_TABLE`, or `AGUI_APPROVAL_TABLE`, which is
    /// its older name.
    pub table: Option<String>,
    /// Whether used approvals are recorded in the memory of this process if no table is named. On in local mode only.
    /// Elsewhere an approval can be used again until it expires, unless there is a table.
    pub remembers_in_memory: bool,
    /// Whether the log says what is different if an approval does not match its call. On in local mode only.
    pub developer_hints: bool,
}

/// Where the key of approvals is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ApprovalKey {
    /// In AWS Secrets Manager, under this name or ARN: `AGUI_APPROVAL_SECRET_ID`.
    Secret(String),
    /// In the configuration itself, which only local mode allows: `AGUI_APPROVAL_KEY`, at least 32 characters.
    Literal(SecretString),
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// Reads the name of the secret with the key of the names that the log has for callers.
    pub(super) fn who_secret_id(&mut self) -> Option<String> {
        self.resource("AGUI_WHO_SECRET_ID")
    }

    /// Reads how approvals are signed. `None` if no key is named, so that no approval can be given. A literal key is
    /// reported unless `is_local` is set. `table` records which approvals were used.
    pub(super) fn approvals(&mut self, is_local: bool, table: Option<String>) -> Option<ApprovalConfig> {
        let ttl = self.seconds("AGUI_APPROVAL_TTL_S", DEFAULT_TTL, 1);
        let secret = self.resource("AGUI_APPROVAL_SECRET_ID");
        let literal = self.text("AGUI_APPROVAL_KEY").map(SecretString::from);
        if literal.is_some() && !is_local {
            self.report(
                "AGUI_APPROVAL_KEY",
                "is for local mode (AGUI_LOCAL=1); name a secret in AGUI_APPROVAL_SECRET_ID instead",
            );
        } else if literal.is_some() && secret.is_some() {
            self.report("AGUI_APPROVAL_KEY", "and AGUI_APPROVAL_SECRET_ID are both set; keep one of them");
        } else if literal.clone().is_some_and(|key| ApprovalKeys::literal(key).is_err()) {
            self.report("AGUI_APPROVAL_KEY", "must have 32 characters or more");
        } else if literal.is_none() && secret.is_none() && self.text("AGUI_APPROVAL_TABLE").is_some() {
            self.report("AGUI_APPROVAL_SECRET_ID", "must be set if AGUI_APPROVAL_TABLE is set");
        }
        let key = secret.map(ApprovalKey::Secret).or_else(|| literal.map(ApprovalKey::Literal))?;
        Some(ApprovalConfig { key, ttl, table, remembers_in_memory: is_local, developer_hints: is_local })
    }
}
