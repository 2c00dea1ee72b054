//! The code of docs/identity.md and docs/permissions.md.

use ag_ui_lambda::lambda::{FromConfigError, ServeError};
use ag_ui_lambda::prelude::*;

struct Member {
    org: String,
}

/// Serves an agent whose callers have an organisation.
async fn served(config: Config, agent: Agent<Member>) -> Result<(), ServeError> {
    type Caller = Member;
    lambda::serve(&config, agent, |claims| match claims.text("custom:org_id") {
        Some(org) => Ok(Caller { org: org.into() }),
        None => Err(Forbidden), // the client receives 403
    })
    .await
}

struct Caller {
    org: Option<String>,
    plan: String,
    limit: f64,
    permissions: Vec<String>,
    scopes: Vec<String>,
    groups: Vec<String>,
}

/// An agent whose instructions depend on the caller.
fn instructions(config: Config) -> Result<AgentBuilder<Caller>, FromConfigError> {
    let agent = {
        lambda::agent::<Caller>(&config)?
            .instructions("You look after the orders of a shop.") // the same in every run
            .instructions_for(|caller| format!("The caller's plan is {}.", caller.plan))
    };
    Ok(agent)
}

#[derive(Deserialize, JsonSchema)]
struct RefundArgs {
    amount: f64,
}

/// Refunds an amount.
async fn refund_order(_: ToolContext<Caller>, args: RefundArgs) -> Result<f64, ToolError> {
    Ok(args.amount)
}

/// The library asks the caller type for permissions, scopes and groups. Methods that you do not write return `false`.
impl Grants for Caller {
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }

    fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    fn is_in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|held| held == group)
    }
}

/// A tool with every kind of rule.
fn tool_with_rules() -> impl Tool<Caller> {
    tool_fn("refund_order", "Refunds an order.", refund_order)
        .needs_permission("refunds:write") // what the user may do
        .needs_scope("refunds") // what the user's token may be used for
        .needs_group("support")
        .available_if(|caller| caller.org.is_some()) // any other condition on the caller
        .allowed_if(|caller, args| {
            // a condition on the caller and the arguments of one call
            if args.amount <= caller.limit { Ok(()) } else { Err("This is beyond your limit.") }
        })
        .needs_approval_if(|_, args| args.amount > 100.0) // allowed, but only after a person approved: approvals.md
}

/// Says when the shop is open.
async fn opening_hours() -> Result<String, ToolError> {
    Ok("From 9 to 18.".into())
}

/// Looks an order up.
async fn find_order(_: NoArgs) -> Result<String, ToolError> {
    Ok("It is on its way.".into())
}

/// An agent whose tools have to name who may call them.
fn deny_by_default(config: Config) -> Result<AgentBuilder<Caller>, FromConfigError> {
    let agent = {
        lambda::agent::<Caller>(&config)?
            .deny_by_default(true)
            .tool(tool_fn("opening_hours", "When the shop is open.", opening_hours).for_everybody())
            .tool(tool_fn("find_order", "Looks an order up.", find_order).needs_permission("orders:read"))
    };
    Ok(agent)
}
