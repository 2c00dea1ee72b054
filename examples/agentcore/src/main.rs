//! Another entry point: an agent in a container, for the AG-UI contract of Amazon Bedrock AgentCore Runtime.
//!
//! AgentCore checks the health of the container with `GET /ping`, and passes the requests of clients on to
//! `POST /invocations`, both on port 8080. It has checked the client's IAM signature or JWT, but its headers prove nothing
//! here: the client itself chooses the ids of session and user. So the container verifies the JWT again, and takes the caller
//! from it.
//!
//! The settings are those of the function, with `AGUI_AUTH=jwt`. With `AGUI_AUTH=authorizer` the container serves everybody
//! whom AgentCore lets in, and callers are anonymous without an issuer in the settings. docs/agentcore.md has the rest.

mod server;

use std::process::ExitCode;

use ag_ui_lambda::auth::AuthMode;
use ag_ui_lambda::{Claims, Config, Endpoint, NoArgs, ToolContext, ToolError, lambda, tool_fn};
use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

/// The address that AgentCore calls. The only argument of the program may name another one.
const ADDRESS: &str = "0.0.0.0:8080";

/// Why the container does not start with another value of `AGUI_AUTH`.
const OTHER_AUTH_MODE: &str = "AGUI_AUTH must be `jwt` or `authorizer`: AgentCore authenticates callers, and this container \
    checks no shared token";

/// The caller, from the verified JWT.
#[derive(Clone, Serialize)]
struct Caller {
    user: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct WeatherArgs {
    /// City in English, e.g. `Lisbon`.
    location: String,
}

#[derive(Serialize)]
struct Weather {
    city: String,
    conditions: &'static str,
    temperature: i32,
    humidity: u32,
    wind_speed: u32,
}

/// The tool `get_weather`: returns the weather of a city, which is always the same in this sample.
async fn get_weather(_: ToolContext<Caller>, args: WeatherArgs) -> Result<Weather, ToolError> {
    Ok(Weather { city: args.location, conditions: "Sunny", temperature: 24, humidity: 48, wind_speed: 17 })
}

/// The tool `get_account`: returns the caller, whose user is `None` for an anonymous caller.
async fn get_account(context: ToolContext<Caller>, _: NoArgs) -> Result<Caller, ToolError> {
    Ok(context.caller().clone())
}

/// Reads the settings, builds the agent and serves it over HTTP until the container is stopped.
///
/// # Errors
/// If a setting is unusable, if `AGUI_AUTH` is neither `jwt` nor `authorizer`, or if the address is taken.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let trusts_agentcore = match config.auth {
        AuthMode::Jwt => false,
        AuthMode::Authorizer => true,
        _ => return Err(OTHER_AUTH_MODE.into()),
    };
    let agent = lambda::agent::<Caller>(&config)?
        .tool(tool_fn("get_weather", "Current weather of a city.", get_weather))
        .tool(tool_fn("get_account", "The caller's user.", get_account))
        .build()?;
    let caller = |claims: &Claims| Ok(Caller { user: claims.subject().map(Into::into) });
    let endpoint = lambda::endpoint(&config, agent, caller)?.run_path("/invocations");
    // This is safe only because nothing but AgentCore can reach this port.
    let endpoint = if trusts_agentcore { endpoint.without_auth() } else { endpoint };
    let endpoint = endpoint.build()?;
    let routes = router(endpoint.clone());
    let routes = if trusts_agentcore { routes.layer(map_request(copy_user_token)) } else { routes };

    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or(ADDRESS)).await?;
    info!(address = %listener.local_addr()?, "listening");
    let stop = async move { _ = terminate.recv().await };
    tokio::join!(server::serve(listener, routes, stop), endpoint.warm_up());
    Ok(())
}

/// Builds the routes that AgentCore calls: `GET /ping` for health checks, and `endpoint` for everything else.
/// The requests have no deadline: `AGUI_RUN_TIMEOUT_S` limits a run.
fn router(endpoint: Endpoint<Caller>) -> Router {
    let healthy = ([(CONTENT_TYPE, "application/json")], r#"{"status":"Healthy"}"#);
    Router::new().route("/ping", get(async move || healthy)).fallback_service(endpoint)
}

/// Copies the user's JWT, which AgentCore passes on unchanged in `authorization`, into the header that the endpoint
/// reads if the JWT does not admit by itself. The endpoint refuses a second JWT there.
async fn copy_user_token(mut request: Request) -> Request {
    let headers = request.headers_mut();
    let tokens: Vec<HeaderValue> = headers.get_all(AUTHORIZATION).iter().filter_map(bearer).collect();
    for token in tokens {
        headers.append("x-agui-user-token", token);
    }
    request
}

/// Returns the token of an `authorization` header with the scheme `Bearer`; `None` for another scheme.
fn bearer(credentials: &HeaderValue) -> Option<HeaderValue> {
    let (scheme, token) = credentials.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    HeaderValue::from_str(token.trim()).ok()
}

/// Runs the container, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::init_telemetry();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(%cause, "the container cannot serve");
            ExitCode::FAILURE
        }
    }
}
