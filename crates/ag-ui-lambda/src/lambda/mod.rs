//! The Lambda function: the runtime and its entry points, AWS Secrets Manager and DynamoDB.
//!
//! This is the only module that names AWS, except for Amazon Bedrock in `model`. A function calls [`run`] in its `main`,
//! and [`serve`] with its settings, its agent, and a function that turns claims into a caller:
//!
//! ```no_run
//! use ag_ui_lambda::{Claims, Config, NoArgs, ToolContext, ToolError, lambda, tool_fn};
//!
//! struct Caller { user: Option<String> }
//!
//! async fn whoami(context: ToolContext<Caller>, _: NoArgs) -> Result<Option<String>, ToolError> {
//!     Ok(context.caller().user.clone())
//! }
//!
//! async fn serve() -> Result<(), lambda::Error> {
//!     let config = Config::from_env()?;
//!     let agent = lambda::agent::<Caller>(&config)?
//!         .instructions("You are a helpful assistant.")
//!         .tool(tool_fn("whoami", "Name of the caller.", whoami))
//!         .build()?;
//!     let caller = |claims: &Claims| Ok(Caller { user: claims.subject().map(Into::into) });
//!     Ok(lambda::serve(&config, agent, caller).await?)
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::process::ExitCode {
//!     lambda::run(serve()).await
//! }
//! ```
//!
//! | module | what it does |
//! | --- | --- |
//! | `handler` | handles an event: decodes it, calls the endpoint, encodes the response |
//! | `event` | finds out which entry point an event comes from |
//! | `request` | decodes an event into the endpoint's request |
//! | `claims`, [`claim_source`] | read what an entry point has proven about the caller |
//! | `response` | encodes a response, streamed or buffered |
//! | `error` | why a function cannot be built or cannot serve |
//! | `from_config` | builds an agent and an endpoint from the settings |
//! | `secrets_manager` | the store of secrets |
//! | `dynamodb` | the table of used approvals and of budgets |
//! | `rotate` | a second function, which rotates the secrets |
//! | `telemetry` | log lines, metrics and traces |
//! | `nodelay` | sends the first frame of a run without a delay |
//! | `local` | local mode |

pub mod claim_source;
mod claims;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod error;
mod event;
mod from_config;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
#[cfg(all(feature = "local", debug_assertions))]
mod local;
#[cfg(target_os = "linux")]
mod nodelay;
mod request;
mod response;
mod rotate;
mod secrets_manager;
mod telemetry;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::{Instrument as _, Span, error, info_span};

use crate::agent::Agent;
use crate::auth::Claims;
use crate::config::{self, Config, ConfigError, EntryPointConfig, LogSettings, VariableError};
use crate::endpoint::Endpoint;
use crate::endpoint::mapping::{CallerOfTools, MappingResult};
use crate::error_chain::error_chain;
use crate::log_events::CANNOT_SERVE;
#[cfg(feature = "dynamodb")]
pub use dynamodb::{DynamoBudgetStore, DynamoReplayStore};
pub use error::{FromConfigError, ServeError};
pub use from_config::{agent, approvals, budgets, endpoint};
use handler::LambdaHandler;
#[cfg(target_os = "linux")]
use nodelay::RuntimeApiSockets;
pub use rotate::rotate;
pub use secrets_manager::SecretsManager;

/// How long the first fetches wait, so that the function asks the Runtime API for its first event before them. Building a
/// TLS client reads every root certificate of the machine, which blocks this thread for some 5 ms.
const WARM_UP_DELAY: Duration = Duration::from_millis(1);

/// What is wrong with `AWS_LAMBDA_RUNTIME_API` if it is not set.
const NO_RUNTIME_API: &str = "is not set, so this program gets no events. On your own machine set AGUI_LOCAL=1: \
    a debug build with the feature `local` then serves itself";

/// Stands for any error. It is what the `serve` function of an application returns, because `?` turns every error into it:
/// those of this crate, the application's own, and a text.
///
/// The functions of this crate do not return it. Each has an error type of its own.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Runs `serve`, the asynchronous part of a function, after setting up its log and traces. This is what `main` calls.
/// If `serve` fails, the error is logged and the exit code is a failure. Its error may be [`Error`] or any type that
/// converts into it, such as [`ServeError`] or `anyhow::Error`.
///
/// In local mode (`AGUI_LOCAL=1`) and without a Runtime API, a program with debug assertions runs a development
/// server on 127.0.0.1 instead, with a page at `/`. The server starts the program once more, with an emulated Runtime
/// API.
pub async fn run<E: Into<Error>>(serve: impl Future<Output = Result<(), E>>) -> ExitCode {
    #[cfg(all(feature = "local", debug_assertions))]
    if config::serves_itself() {
        return local::serve_locally().await;
    }
    init_telemetry();
    match serve.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log_failure(&error.into());
            ExitCode::FAILURE
        }
    }
}

/// Logs the error with which the function ends. If several variables are unusable, each is logged in a line of its
/// own first, because a long text is cut in the log.
fn log_failure(error: &Error) {
    if let Some(config) = error.downcast_ref::<ConfigError>()
        && let [_, _, ..] = config.variables()
    {
        for VariableError { variable, problem } in config.variables() {
            error!(variable, cause = problem, "an environment variable is missing or unusable");
        }
    }
    error!(cause = error_chain(error.as_ref()), "{CANNOT_SERVE}");
}

/// Sets up the log, and traces if a collector is named. [`run`] does so already; call it in programs that are not
/// Lambda functions, such as a container that serves an [`Endpoint`] over HTTP.
pub fn init_telemetry() {
    telemetry::init(&LogSettings::from_env());
}

/// Serves an agent from a Lambda function until Lambda shuts the process down. `caller` turns the proven claims of a
/// request into the application's caller, as for [`endpoint`].
///
/// The shared token and the keys of user tokens are fetched while the function starts. If that fails, the function
/// starts all the same, and the first request fetches them.
///
/// To admit runs or to get their reports, build the endpoint with [`endpoint`] and its methods
/// [`admit`](crate::endpoint::EndpointBuilder::admit) and [`after_run`](crate::endpoint::EndpointBuilder::after_run), and
/// serve it with [`serve_endpoint`].
///
/// # Errors
/// [`ServeError`] if a setting is unusable, if there is no Runtime API, or if the runtime fails.
pub fn serve<'a, C: Send + Sync + 'static, R: MappingResult<Caller: CallerOfTools<C>>>(
    config: &'a Config,
    agent: Agent<C>,
    caller: impl Fn(&Claims) -> R + Send + Sync + 'static,
) -> BoxFuture<'a, Result<(), ServeError>> {
    // Boxed, because the compiler would report a wrong caller type a second time, for the type of the future.
    let builder = endpoint(config, agent, caller);
    async move { serve_endpoint(builder?.build()?, &config.entry_points).await }.boxed()
}

/// Serves an endpoint that the application has built itself, for example with [`endpoint`], until Lambda shuts the
/// process down. [`serve`] is the shorter way. `config` decides whether responses are streamed.
///
/// ```no_run
/// use std::time::Duration;
///
/// use ag_ui_lambda::{Agent, Config, lambda};
///
/// async fn serve() -> Result<(), lambda::Error> {
///     let config = Config::from_env()?;
///     let agent = lambda::agent::<()>(&config)?.build()?;
///     let endpoint = lambda::endpoint(&config, agent, |_| Ok(()))?.keep_alive(Duration::from_secs(5)).build()?;
///     Ok(lambda::serve_endpoint(endpoint, &config.entry_points).await?)
/// }
/// ```
///
/// # Errors
/// [`ServeError::Environment`] if there is no Runtime API, and [`ServeError::Runtime`] if the runtime fails.
pub async fn serve_endpoint<C: Send + Sync + 'static>(
    endpoint: Endpoint<C>,
    config: &EntryPointConfig,
) -> Result<(), ServeError> {
    let no_runtime_api = || ConfigError::from(VariableError::new("AWS_LAMBDA_RUNTIME_API", NO_RUNTIME_API));
    let runtime_api = config::runtime_api().ok_or_else(no_runtime_api)?;
    let handler = Arc::new(LambdaHandler::new(endpoint.clone(), config.clone()));
    // Lambda is Linux; on other systems, in local mode, a frame may wait a little longer.
    #[cfg(target_os = "linux")]
    let sockets = RuntimeApiSockets::connected_to(&runtime_api).map(Arc::new);
    #[cfg(not(target_os = "linux"))]
    drop(runtime_api);
    let service = service_fn(move |event| {
        #[cfg(target_os = "linux")]
        if let Some(sockets) = &sockets {
            sockets.disable_nagle();
        }
        let handler = Arc::clone(&handler);
        let span = invocation_span(&event);
        async move { handler.handle(event).await }.instrument(span)
    });
    // Joined with the runtime and not spawned: the first request finds the fetch under way and waits for it.
    let warm = async {
        tokio::time::sleep(WARM_UP_DELAY).await;
        endpoint.warm_up().await;
    };
    let served = async {
        let (served, ()) = tokio::join!(lambda_runtime::run_concurrent(service), warm);
        served.map_err(ServeError::Runtime)
    };
    #[cfg(all(feature = "local", debug_assertions))]
    if config::is_local() {
        return tokio::select! {
            served = served => served,
            () = local::wait_for_parent_exit() => Ok(()),
        };
    }
    served.await
}

/// Creates the span of one invocation. All log lines of the invocation get its fields: Lambda's ids, and whether this
/// is the first invocation of the process.
fn invocation_span<T>(event: &LambdaEvent<T>) -> Span {
    static IS_COLD: AtomicBool = AtomicBool::new(true);
    info_span!(
        "invocation",
        request_id = event.context.request_id,
        xray_trace_id = event.context.xray_trace_id,
        cold_start = IS_COLD.swap(false, Ordering::Relaxed)
    )
}
