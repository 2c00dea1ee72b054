//! As in `untyped_builder_other_caller_type`, and the mapping is a function.

use ag_ui_lambda::{Agent, Claims, Endpoint, Forbidden, ToolContext, ToolError, demo, tool_fn};

struct Caller {
    org: String,
}

struct User;

async fn greet(_: ToolContext<User>) -> Result<String, ToolError> {
    Ok("Hello.".into())
}

fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    let org = claims.text("org").ok_or(Forbidden)?;
    Ok(Caller { org: org.into() })
}

fn main() {
    let greet = tool_fn("greet", "Says hello.", greet);
    let agent = Agent::builder(demo(Default::default())).tool(greet).build().unwrap();
    let _endpoint = Endpoint::builder(agent, caller);
}
