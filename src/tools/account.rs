//! Shows a tool that uses only trusted input: it takes no arguments from the model, and reads the caller's verified claims.

use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError};
use serde::Serialize;

use crate::caller::Caller;

/// The result of [`get_account`]: what the function knows about the caller.
#[derive(Debug, Serialize)]
pub struct Account {
    user: Option<String>,
    org: Option<String>,
    plan: Option<String>,
    permissions: Vec<String>,
}

/// The tool `get_account`: returns the caller's user, organisation, plan and permissions, from verified claims only.
pub async fn get_account(context: ToolContext<Caller>, _: NoArgs) -> Result<Account, ToolError> {
    let Caller { user, org, plan, permissions, .. } = context.caller().clone();
    Ok(Account { user, org, plan, permissions })
}
