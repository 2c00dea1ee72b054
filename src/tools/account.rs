//! Shows the trusted side of a tool: it takes nothing from the model, all from the caller's proven claims.

use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError};
use serde::Serialize;

use crate::caller::Caller;

/// What is known of the caller.
#[derive(Debug, Serialize)]
pub struct Account {
    user: Option<String>,
    org: Option<String>,
    plan: Option<String>,
    permissions: Vec<String>,
}

/// The caller's user, organisation, plan and permissions.
pub async fn get_account(context: ToolContext<Caller>, _: NoArgs) -> Result<Account, ToolError> {
    let Caller { user, org, plan, permissions, .. } = context.caller().clone();
    Ok(Account { user, org, plan, permissions })
}
