//! An agent inside an application that is already there: mounted in an axum router, beside the application's own routes, for
//! callers whom the application's own session names. docs/embedding.md explains it.

use std::{error::Error, time::Duration};

use ag_ui_lambda::approval::{ApprovalKeys, Approvals, MemoryReplayStore};
use ag_ui_lambda::auth::AuthMode;
use ag_ui_lambda::{Agent, Claims, Endpoint, Forbidden, ToolContext, ToolError, demo, tool_fn};
use axum::serve::ListenerExt as _;
use axum::{Router, extract::Request, http::header, middleware::map_request, routing::get};

/// The caller that the tools get.
struct Caller(String);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct RefundArgs {
    order: String,
}

/// The tool `refund`, which a person has to approve: says who has refunded which order.
async fn refund(context: ToolContext<Caller>, args: RefundArgs) -> Result<String, ToolError> {
    Ok(format!("{} has refunded order {}.", context.caller().0, args.order))
}

/// Reads the session of a request and adds its user as claims. A request without a session gets none.
async fn read_session(mut request: Request) -> Request {
    // In place of the application's store of sessions.
    let user = match request.headers().get(header::COOKIE).map(|cookie| cookie.as_bytes()) {
        Some(b"session=session-of-ada") => "ada",
        Some(b"session=session-of-bob") => "bob",
        _ => return request,
    };
    request.extensions_mut().insert(Claims::from_session(user));
    request
}

/// Serves the application on the address that the only argument of the program names.
#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it is a program")]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = ApprovalKeys::literal(std::env::var("APPROVAL_KEY")?.into())?;
    // It makes an approval count once, while this is the only process. Several need a store that they share.
    let approvals = Approvals::new(keys).replay_store(MemoryReplayStore::new());
    let refund = tool_fn("refund", "Refunds an order.", refund).needs_approval();
    let agent = Agent::<Caller>::builder(demo(Duration::ZERO)).approvals(approvals).tool(refund).build()?;
    let caller = |claims: &Claims| Ok(Caller(claims.subject().ok_or(Forbidden)?.into()));
    let endpoint = Endpoint::builder(agent, caller).require(AuthMode::Authorizer).build()?;
    let app = Router::new()
        .route("/", get(async || "The application's own page."))
        .nest_service("/agent", endpoint)
        .layer(map_request(read_session));
    let address = std::env::args().nth(1).ok_or("the address is missing, such as 127.0.0.1:8080")?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Without TCP_NODELAY an event may wait up to 40 ms for the acknowledgement of the one before.
    Ok(axum::serve(listener.tap_io(|stream| _ = stream.set_nodelay(true)), app).await?)
}
