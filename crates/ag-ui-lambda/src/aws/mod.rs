//! AWS: the Lambda runtime, the front doors, Secrets Manager, DynamoDB. The only place that names them.
//!
//! [`serve`] is the whole of it for a function: settings, an agent, and a function from claims to callers.
//!
//! ```no_run
//! use ag_ui_lambda::{Config, NoArgs, ToolContext, ToolError, aws, tool_fn};
//!
//! struct Caller { user: Option<String> }
//!
//! async fn whoami(context: ToolContext<Caller>, _: NoArgs) -> Result<Option<String>, ToolError> {
//!     Ok(context.caller().user.clone())
//! }
//!
//! async fn serve() -> Result<(), aws::Error> {
//!     let config = Config::from_env()?;
//!     let agent = aws::agent(&config)?
//!         .instructions("You are a helpful assistant.")
//!         .tool(tool_fn("whoami", "Name of the caller.", whoami))
//!         .build()?;
//!     aws::serve(&config, agent, |claims| Ok(Caller { user: claims.subject().map(Into::into) })).await
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::process::ExitCode {
//!     aws::start(serve()).await
//! }
//! ```

mod answer;
mod approvals;
mod doors;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod event;
mod identity;
#[cfg(all(feature = "local", debug_assertions))]
mod local;
mod logging;
mod models;
#[cfg(target_os = "linux")]
mod nodelay;
#[cfg(feature = "otel")]
mod otel;
mod request;
mod rotate;
mod secrets;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use lambda_runtime::Error;
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::{Instrument as _, Span, error, info_span};

use crate::agent::Agent;
use crate::causes::causes;
use crate::config::{self, Config, ConfigError, DoorConfig, LogSettings, TokenSource};
use crate::endpoint::{
    Claims, DeveloperHints, Endpoint, EndpointBuilder, Forbidden, IdentityClaims, SharedToken, UnsafeKeys,
    UserTokenConfig, UserTokens,
};
pub use approvals::approvals;
use doors::Doors;
#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoGuard;
pub use models::agent;
#[cfg(target_os = "linux")]
use nodelay::Connections;
pub use rotate::rotate;
pub use secrets::SecretsManager;

/// How long the fetches of the start wait, so that the function asks for its first event before them: making
/// a TLS client reads every root certificate of the machine, some 5 ms in which nothing else moves.
const ASK_FIRST: Duration = Duration::from_millis(1);

/// Why a program that nobody hands events to does not start.
const NO_RUNTIME_API: &str = "is not set, so that nobody hands events to this program. On your own machine set AGUI_LOCAL=1: \
    a debug build with the feature `local` then serves itself";

/// Runs a function's `serve` with logging set up; what keeps it from starting is logged.
///
/// In local mode (`AGUI_LOCAL=1`) and without a Runtime API, a program with debug assertions serves itself instead, on
/// 127.0.0.1 and with a page at `/`: it starts itself once more, behind an emulated Runtime API.
pub async fn start(serve: impl Future<Output = Result<(), Error>>) -> ExitCode {
    #[cfg(all(feature = "local", debug_assertions))]
    if config::serves_itself() {
        return local::serve().await;
    }
    init_telemetry();
    match serve.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            error!(cause = causes(cause.as_ref()), "the function cannot serve");
            ExitCode::FAILURE
        }
    }
}

/// Sets up the log, and traces where a collector is named, as [`start`] does. For programs that are no Lambda functions, such
/// as a container that serves an [`Endpoint`] by HTTP.
pub fn init_telemetry() {
    logging::init(&LogSettings::from_env());
}

/// Serves an agent from a Lambda function until the environment is shut down.
///
/// What the first request needs, the shared token and the keys of user tokens, is fetched while the function
/// starts; an outage there delays no start and fails no start.
///
/// # Errors
/// [`EndpointError`](crate::endpoint::EndpointError) for unusable settings; the runtime's own error if its API can't be reached.
pub async fn serve<C: Send + Sync + 'static>(
    config: &Config,
    agent: Agent<C>,
    caller: impl Fn(&Claims) -> Result<C, Forbidden> + Send + Sync + 'static,
) -> Result<(), Error> {
    serve_endpoint(endpoint(config, agent, caller)?.build()?, &config.doors).await
}

/// Serves an endpoint that the application has built itself, through the front doors. See [`serve`].
///
/// # Errors
/// The runtime's own error if its API can't be reached.
pub async fn serve_endpoint<C: Send + Sync + 'static>(
    endpoint: Endpoint<C>,
    config: &DoorConfig,
) -> Result<(), Error> {
    let runtime_api = config::runtime_api()
        .ok_or_else(|| ConfigError { variable: "AWS_LAMBDA_RUNTIME_API", problem: NO_RUNTIME_API.into() })?;
    let doors = Arc::new(Doors::new(endpoint.clone(), config.clone()));
    // Lambda is Linux; on other systems, in local mode, a frame may wait a little longer.
    #[cfg(target_os = "linux")]
    let connections = Connections::to(&runtime_api).map(Arc::new);
    #[cfg(not(target_os = "linux"))]
    drop(runtime_api);
    let handler = service_fn(move |event| {
        #[cfg(target_os = "linux")]
        if let Some(connections) = &connections {
            connections.send_at_once();
        }
        let doors = Arc::clone(&doors);
        let span = invocation(&event);
        async move { doors.answer(event).await }.instrument(span)
    });
    // Side by side and not spawned: the first request finds the fetch under way and waits for it.
    let warm = async {
        tokio::time::sleep(ASK_FIRST).await;
        endpoint.warm().await;
    };
    let served = async {
        let (served, ()) = tokio::join!(lambda_runtime::run_concurrent(handler), warm);
        served
    };
    #[cfg(all(feature = "local", debug_assertions))]
    if config::is_local() {
        return tokio::select! {
            served = served => served,
            () = local::parent_is_gone() => Ok(()),
        };
    }
    served.await
}

/// What Lambda says of an invocation, for the lines of the log that are of it.
fn invocation<T>(event: &LambdaEvent<T>) -> Span {
    static IS_COLD: AtomicBool = AtomicBool::new(true);
    info_span!(
        "invocation",
        request_id = event.context.request_id,
        xray_trace_id = event.context.xray_trace_id,
        cold_start = IS_COLD.swap(false, Ordering::Relaxed)
    )
}

/// Makes an endpoint of settings.
///
/// # Errors
/// A literal token that is empty, or an address of keys that can't be trusted.
pub fn endpoint<C: Send + Sync + 'static>(
    config: &Config,
    agent: Agent<C>,
    caller: impl Fn(&Claims) -> Result<C, Forbidden> + Send + Sync + 'static,
) -> Result<EndpointBuilder<C>, Error> {
    let mut builder = Endpoint::builder(agent, caller)
        .require(config.auth)
        .token_header(config.token_header.clone())
        .iam_principals(config.iam_principals.clone())
        .identity_claims(IdentityClaims { user: config.claims.user.clone(), org: config.claims.org.clone() })
        .run_path(&config.run_path)
        .max_body_bytes(config.max_body_bytes)
        .keep_alive(config.keep_alive);
    match &config.token {
        Some(TokenSource::Secret(id)) => {
            let secret = SecretsManager::new(id);
            builder = builder.token(SharedToken::from_source(secret, config.token_grace));
        }
        Some(TokenSource::Literal(token)) => builder = builder.token(SharedToken::literal(token.clone())?),
        None => {}
    }
    if config.is_local {
        builder = builder.developer_hints(developer_hints(config));
    }
    if let Some(user_tokens) = &config.user_tokens {
        let user_tokens = UserTokens::new(user_tokens.clone()).map_err(|fault| ConfigError {
            variable: match fault {
                UnsafeKeys::Issuer => "AGUI_JWT_ISSUER",
                _ => "AGUI_JWKS_URL",
            },
            problem: format!("is unusable: {fault}"),
        })?;
        builder = builder.user_tokens(user_tokens);
    }
    Ok(builder)
}

/// What local mode tells a developer beside a refusal.
fn developer_hints(config: &Config) -> DeveloperHints {
    let hints = match &config.token {
        Some(TokenSource::Literal(_)) => DeveloperHints::new().token_variable(),
        Some(TokenSource::Secret(id)) => DeveloperHints::new().token_secret(id),
        None => DeveloperHints::new(),
    };
    match &config.user_tokens {
        Some(UserTokenConfig { issuer, audience, .. }) => hints.user_tokens(issuer, audience),
        None => hints,
    }
}
