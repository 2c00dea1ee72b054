//! What proves approvals on AWS, made of the settings: their key in Secrets Manager, their guard in a DynamoDB table.

use lambda_runtime::Error;

#[cfg(feature = "dynamodb")]
use super::DynamoGuard;
use super::SecretsManager;
use crate::approval::{ApprovalKeys, Approvals};
#[cfg(not(feature = "dynamodb"))]
use crate::config::ConfigError;
use crate::config::{ApprovalConfig, ApprovalKey};

/// What proves approvals, made of the settings, for an agent that [`agent`](super::agent) did not begin. Nothing is
/// fetched yet.
///
/// # Errors
/// If the key is a literal that is too short; if a table is named and the crate was built without the feature
/// `dynamodb`, since an approval would then count more than once.
pub fn approvals(config: &ApprovalConfig) -> Result<Approvals, Error> {
    let keys = match &config.key {
        ApprovalKey::Secret(id) => ApprovalKeys::from_source(SecretsManager::new(id)),
        ApprovalKey::Literal(key) => ApprovalKeys::literal(key.clone())?,
    };
    let approvals = Approvals::new(keys).life(config.life).developer_hints(config.developer_hints);
    match &config.table {
        #[cfg(feature = "dynamodb")]
        Some(table) => Ok(approvals.guard(DynamoGuard::new(table))),
        #[cfg(not(feature = "dynamodb"))]
        Some(_table) => Err(Error::from(ConfigError {
            variable: "AGUI_APPROVAL_TABLE",
            problem: "needs the feature `dynamodb` of ag-ui-lambda, which this function was built without"
                .into(),
        })),
        None => Ok(approvals),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_table_is_used_or_refused_and_never_passed_over() {
        let key = ApprovalKey::Literal("k".repeat(32).into());
        let life = Duration::from_secs(900);
        let config = ApprovalConfig { key, life, table: Some("approvals".into()), developer_hints: false };

        let with_table = approvals(&config);
        if cfg!(feature = "dynamodb") {
            assert!(with_table.unwrap().once().is_some());
        } else {
            let error = with_table.unwrap_err().to_string();
            assert!(error.starts_with("AGUI_APPROVAL_TABLE needs the feature `dynamodb`"), "{error}");
        }
        assert!(approvals(&ApprovalConfig { table: None, ..config }).unwrap().once().is_none());
    }
}
