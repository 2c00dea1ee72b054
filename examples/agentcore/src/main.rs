//! Another entry point: an agent in a container, for the AG-UI contract of Amazon Bedrock AgentCore Runtime.
//!
//! AgentCore checks the health of the container with `GET /ping`, and passes the requests of clients on to
//! `POST /invocations`, both on port 8080. It has checked the client's IAM signature or JWT, but its headers prove nothing
//! here: the client itself chooses the ids of session and user. So the container verifies the JWT again
//! (`AGUI_JWT_ISSUER`), and takes the caller from it. Without an issuer in the settings callers are anonymous.
//!
//! The settings are those of the function, with `AGUI_AUTH=authorizer`. docs/agentcore.md has the rest.

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
/// If a setting is unusable, if `AGUI_AUTH` is not `authorizer`, or if the address is taken.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    if config.auth != AuthMode::Authorizer {
        return Err(
            "AGUI_AUTH must be `authorizer`: AgentCore authenticates callers, and this container checks no shared token"
                .into(),
        );
    }
    let agent = lambda::agent::<Caller>(&config)?
        .tool(tool_fn("get_weather", "Current weather of a city.", get_weather))
        .tool(tool_fn("get_account", "The caller's user.", get_account))
        .build()?;
    let caller = |claims: &Claims| Ok(Caller { user: claims.subject().map(Into::into) });
    // This is safe only because nothing but AgentCore can reach this port.
    let endpoint =
        lambda::endpoint(&config, agent, caller)?.without_auth().run_path("/invocations").build()?;

    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or(ADDRESS)).await?;
    info!(address = %listener.local_addr()?, "listening");
    let stop = async move { _ = terminate.recv().await };
    tokio::join!(server::serve(listener, router(endpoint.clone()), stop), endpoint.warm_up());
    Ok(())
}

/// Builds the routes that AgentCore calls: `GET /ping` for health checks, and `endpoint` for everything else.
/// The requests have no deadline: `AGUI_RUN_TIMEOUT_S` limits a run.
fn router(endpoint: Endpoint<Caller>) -> Router {
    let healthy = ([(CONTENT_TYPE, "application/json")], r#"{"status":"Healthy"}"#);
    Router::new()
        .route("/ping", get(async move || healthy))
        .fallback_service(endpoint)
        .layer(map_request(copy_user_token))
}

/// Copies the user's JWT, which AgentCore passes on unchanged in `authorization`, into the header that the endpoint
/// reads. The endpoint refuses a second JWT there.
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
