//! Tools with requirements, and the caller type of the function for tests.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::{Claims, Grants, NoArgs, ToolContext, ToolError, tool_fn};
use schemars::JsonSchema;
use serde::Deserialize;

/// The caller.
#[derive(Debug)]
pub(crate) struct Visitor {
    org: Option<String>,
    permissions: Vec<String>,
    groups: Vec<String>,
}

impl Visitor {
    /// Reads a caller from verified claims.
    pub(crate) fn from_claims(claims: &Claims) -> Self {
        Self {
            org: claims.text("custom:org_id").map(Into::into),
            permissions: claims.list("scope"),
            groups: claims.list("cognito:groups"),
        }
    }
}

impl Grants for Visitor {
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }

    fn is_in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|held| held == group)
    }
}

/// Adds the tools of this file to an agent.
pub(crate) fn tools(agent: AgentBuilder<Visitor>) -> AgentBuilder<Visitor> {
    let org = "acme".to_owned();
    let of_the_org = move |visitor: &Visitor| visitor.org.as_ref() == Some(&org);
    let within_reach = |visitor: &Visitor, args: &Sum| {
        assert!(args.amount != 13, "on purpose");
        let most = if visitor.is_in_group("support") { 100 } else { 10 };
        if args.amount <= most { Ok(()) } else { Err(format!("Only up to {most}.")) }
    };
    let explosive = |visitor: &Visitor| {
        assert!(!visitor.is_in_group("explosive"), "on purpose");
        true
    };
    agent
        .tool(tool_fn("for_permission", "Needs a permission.", done).needs_permission("reports:read"))
        .tool(tool_fn("for_group", "Needs a group.", done).needs_group("support"))
        .tool(tool_fn("for_org", "Is an organisation's.", done).available_if(of_the_org))
        .tool(tool_fn("for_the_calm", "Panics for some.", done).available_if(explosive))
        .tool(tool_fn("spend", "Spends.", spend).allowed_if(within_reach))
}

#[derive(Deserialize, JsonSchema)]
struct Sum {
    amount: u32,
}

/// A tool without arguments.
async fn done(_: ToolContext<Visitor>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("done")
}

/// A tool that spends an amount.
async fn spend(_: ToolContext<Visitor>, _: Sum) -> Result<&'static str, ToolError> {
    Ok("done")
}
