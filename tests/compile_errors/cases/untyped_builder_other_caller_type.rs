//! The builder of the agent names no caller type, so the tool decides it. The mapping from claims returns another one.

use ag_ui_lambda::{Agent, Claims, Endpoint, Forbidden, ToolContext, ToolError, demo, tool};

struct Caller {
    org: String,
}

struct User;

/// Says hello.
#[tool]
async fn greet(_: ToolContext<User>) -> Result<String, ToolError> {
    Ok("Hello.".into())
}

fn main() {
    let agent = Agent::builder(demo(Default::default())).tool(greet_tool()).build().unwrap();
    let _endpoint = Endpoint::builder(agent, |claims: &Claims| {
        let Some(org) = claims.text("org") else {
            return Err(Forbidden);
        };
        Ok(Caller { org: org.into() })
    });
}
