//! Where the key of approvals is, how long they live, and what makes them count once.

use std::time::Duration;

use secrecy::SecretString;

use super::{ConfigError, Variables, fault};
use crate::approval::{ApprovalKeys, LIFE};

/// What proves approvals.
#[derive(Debug, Clone)]
pub struct ApprovalConfig {
    /// Where the key is.
    pub key: ApprovalKey,
    /// How long an approval can be given.
    pub life: Duration,
    /// Name of the DynamoDB table of the guard; without one a proof can be brought again until it expires.
    pub table: Option<String>,
    /// Whether the log says what differs where a proof does not hold: in local mode.
    pub developer_hints: bool,
}

/// Where the key of approvals is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ApprovalKey {
    /// In Secrets Manager, under this id or ARN.
    Secret(String),
    /// Here; in local mode only.
    Literal(SecretString),
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    pub(super) fn approvals(&self, is_local: bool) -> Result<Option<ApprovalConfig>, ConfigError> {
        let life = self.seconds("AGUI_APPROVAL_TTL_S", LIFE, 1)?;
        let table = self.text("AGUI_APPROVAL_TABLE");
        let key = match (self.text("AGUI_APPROVAL_SECRET_ID"), self.text("AGUI_APPROVAL_KEY")) {
            (_, Some(_)) if !is_local => {
                return Err(fault(
                    "AGUI_APPROVAL_KEY",
                    "is for local mode (AGUI_LOCAL=1); name a secret in AGUI_APPROVAL_SECRET_ID",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(fault("AGUI_APPROVAL_KEY", "and AGUI_APPROVAL_SECRET_ID are both set; keep one"));
            }
            (Some(id), None) => ApprovalKey::Secret(id),
            (None, Some(key)) => {
                let key = SecretString::from(key);
                ApprovalKeys::literal(key.clone())
                    .map_err(|_| fault("AGUI_APPROVAL_KEY", "must have 32 characters or more"))?;
                ApprovalKey::Literal(key)
            }
            (None, None) if table.is_some() => {
                return Err(fault("AGUI_APPROVAL_SECRET_ID", "must be set where AGUI_APPROVAL_TABLE is"));
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(ApprovalConfig { key, life, table, developer_hints: is_local }))
    }
}
