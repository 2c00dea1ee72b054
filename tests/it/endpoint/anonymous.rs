//! Which tools an anonymous caller may call.

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::auth::{AuthMode, Claims, Forbidden, SharedToken};
use ag_ui_lambda::endpoint::{Endpoint, EndpointBuilder};
use ag_ui_lambda::model::Scripted;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};

use crate::support::endpoint::FixedTokens;
use crate::support::scenario::Caller;

/// A tool without arguments.
async fn open(_: ToolContext<Caller>, _: NoArgs) -> Result<(), ToolError> {
    Ok(())
}

/// Returns an endpoint with an open tool, a tool for known callers, and a tool that needs approvals, which are not set up.
fn endpoint(
    caller: impl Fn(&Claims) -> Result<Caller, Forbidden> + Send + Sync + 'static,
) -> EndpointBuilder<Caller> {
    let agent = Agent::builder(Scripted::turns([]))
        .tool(tool_fn("open", "Opens.", open))
        .tool(tool_fn("for_known", "Opens.", open).available_if(|caller| caller.user.is_some()))
        .tool(tool_fn("with_approval", "Opens.", open).needs_approval())
        .build()
        .unwrap();
    Endpoint::builder(agent, caller).token(SharedToken::literal("token-of-the-test".into()).unwrap())
}

/// Maps claims to a caller.
fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    Ok(Caller { user: claims.subject().map(ToOwned::to_owned) })
}

#[test]
fn tools_are_those_of_a_caller_with_empty_claims() {
    let everybody_is_known = |_: &Claims| Ok(Caller { user: Some("guest".into()) });
    for (why, endpoint, expected) in [
        ("with the token", endpoint(caller).require(AuthMode::Token), &["open"][..]),
        ("without authentication", endpoint(caller).without_auth(), &["open"]),
        ("the mapping decides", endpoint(everybody_is_known), &["for_known", "open"]),
        ("the mapping forbids", endpoint(|_| Err(Forbidden)), &[]),
        ("the mapping panics", endpoint(|_| panic!("on purpose")), &[]),
        ("an authorizer is needed", endpoint(caller).require(AuthMode::Authorizer), &[]),
        ("both are needed", endpoint(caller).require(AuthMode::Both), &[]),
        ("a user's token is needed", endpoint(caller).user_tokens(FixedTokens), &[]),
        (
            "a user's token is all that counts",
            endpoint(caller).user_tokens(FixedTokens).require(AuthMode::Jwt),
            &[],
        ),
        (
            "a user's token or the shared one",
            endpoint(caller).user_tokens(FixedTokens).require(AuthMode::TokenOrJwt),
            &["open"],
        ),
    ] {
        assert_eq!(endpoint.build().unwrap().anonymous_tools(), expected, "{why}");
    }
}
