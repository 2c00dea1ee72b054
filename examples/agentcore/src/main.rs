//! Another door: an agent in a container, behind the AG-UI contract of Amazon Bedrock AgentCore Runtime.
//!
//! AgentCore asks `GET /ping` whether the container is well, and passes a client's request on to `POST /invocations`,
//! port 8080. It has checked the client's IAM signature or JWT, but what comes here of that proves nothing by itself:
//! the ids of session and user are the client's own words. So the caller is whom a JWT names that is verified here
//! once more (`AGUI_JWT_ISSUER`), and anonymous where none is asked for.
//!
//! The settings are those of the function, with `AGUI_AUTH=authorizer`. docs/agentcore.md has the rest.

use std::process::ExitCode;

use ag_ui_lambda::endpoint::AuthMode;
use ag_ui_lambda::{Claims, Config, Endpoint, NoArgs, ToolContext, ToolError, aws, tool_fn};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

/// Where AgentCore calls; another address may be given as the only argument.
const ADDRESS: &str = "0.0.0.0:8080";

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

async fn get_weather(_: ToolContext<Caller>, args: WeatherArgs) -> Result<Weather, ToolError> {
    Ok(Weather { city: args.location, conditions: "Sunny", temperature: 24, humidity: 48, wind_speed: 17 })
}

async fn get_account(context: ToolContext<Caller>, _: NoArgs) -> Result<Caller, ToolError> {
    Ok(context.caller().clone())
}

async fn serve() -> Result<(), aws::Error> {
    let config = Config::from_env()?;
    if config.auth != AuthMode::Authorizer {
        return Err(
            "AGUI_AUTH must be `authorizer`: AgentCore lets callers in, and this door asks for no token"
                .into(),
        );
    }
    let agent = aws::agent(&config)?
        .tool(tool_fn("get_weather", "Current weather of a city.", get_weather))
        .tool(tool_fn("get_account", "The caller's user.", get_account))
        .build()?;
    let caller = |claims: &Claims| Ok(Caller { user: claims.subject().map(Into::into) });
    // Right where AgentCore alone reaches this port, and nowhere else.
    let endpoint = aws::endpoint(&config, agent, caller)?.without_auth().run_path("/invocations").build()?;

    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or(ADDRESS)).await?;
    info!(address = %listener.local_addr()?, "listening");
    // Else a frame waits until the one before it is acknowledged, up to 40 ms.
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    let server = axum::serve(listener, router(endpoint.clone(), config.max_body_bytes));
    // Runs that are under way end first.
    let server = server.with_graceful_shutdown(async move { _ = terminate.recv().await });
    let (served, ()) = tokio::join!(server.into_future(), endpoint.warm());
    Ok(served?)
}

fn router(endpoint: Endpoint<Caller>, max_body_bytes: usize) -> Router {
    let answer = move |request: Request| {
        let endpoint = endpoint.clone();
        async move { endpoint.handle(read(request, max_body_bytes).await).await.map(Body::new) }
    };
    let healthy = ([(CONTENT_TYPE, "application/json")], r#"{"status":"Healthy"}"#);
    Router::new().route("/ping", get(async move || healthy)).fallback(answer)
}

/// The request as the endpoint reads it. Without a deadline: `AGUI_RUN_TIMEOUT_S` bounds a run.
async fn read(request: Request, max_body_bytes: usize) -> http::Request<Bytes> {
    let (mut head, body) = request.into_parts();
    // AgentCore passes the user's JWT on as it came. Beside one under the endpoint's own name it is one too many,
    // which the endpoint refuses.
    let tokens: Vec<HeaderValue> = head.headers.get_all(AUTHORIZATION).iter().filter_map(bearer).collect();
    for token in tokens {
        head.headers.append("x-agui-user-token", token);
    }
    let mut bytes = BytesMut::new();
    let mut frames = body.into_data_stream();
    // No more than it takes for the endpoint to see that it is too much.
    while bytes.len() <= max_body_bytes
        && let Some(Ok(frame)) = frames.next().await
    {
        bytes.extend_from_slice(&frame);
    }
    http::Request::from_parts(head, bytes.freeze())
}

fn bearer(credentials: &HeaderValue) -> Option<HeaderValue> {
    let (scheme, token) = credentials.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    HeaderValue::from_str(token.trim()).ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    aws::init_telemetry();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(%cause, "the container cannot serve");
            ExitCode::FAILURE
        }
    }
}
