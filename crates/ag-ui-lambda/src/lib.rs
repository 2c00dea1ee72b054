//! Serves an AG-UI agent from AWS Lambda.
//!
//! A client posts a `RunAgentInput` through a function URL or API Gateway. The function checks who calls, by a shared token
//! from AWS Secrets Manager, an authorizer, IAM or the user's own JWT. What is proven about the caller becomes a typed
//! context for tools. The agent asks a model, runs tools, and streams each step at once as an AG-UI event in an SSE frame.
//!
//! ```no_run
//! use ag_ui_lambda::prelude::*;
//!
//! /// What tools know about the caller, from proven claims and from nothing else.
//! struct Caller {
//!     org: String,
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct OrderArgs {
//!     /// Number of the order, e.g. `A-17`. The model reads this line.
//!     order: String,
//! }
//!
//! async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<String, ToolError> {
//!     Ok(format!("Order {} of {} is on its way.", args.order, context.caller().org))
//! }
//!
//! async fn serve() -> Result<(), lambda::Error> {
//!     let config = Config::from_env()?;
//!     let agent = lambda::agent::<Caller>(&config)?
//!         .instructions("You look after the orders of a shop.")
//!         .tool(tool_fn("find_order", "Looks an order up.", find_order))
//!         .build()?;
//!     let caller = |claims: &Claims| match claims.text("org") {
//!         Some(org) => Ok(Caller { org: org.into() }),
//!         None => Err(Forbidden), // the client gets the status 403
//!     };
//!     Ok(lambda::serve(&config, agent, caller).await?)
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::process::ExitCode {
//!     lambda::run(serve()).await
//! }
//! ```
//!
//! With `AGUI_LOCAL=1` a debug build of this function serves itself on your machine, with a page to talk to the agent. Set
//! `panic = "unwind"` in the release profile of your package: [`lambda::serve_endpoint`] says why.
//!
//! # Where to go from here
//!
//! | you want to | start at |
//! | --- | --- |
//! | write a tool | [`tool_fn`], [`Tool`], [`ToolContext`] |
//! | share state, show progress, return images | [`tool::SharedState`], [`tool::Progress`], [`Parts`] |
//! | decide who may call what | [`Claims`], [`Grants`], [`tool::Decision`] |
//! | let a person approve a call | [`approval::Approvals`] |
//! | use another model, or one of your own | [`model::HttpModel`], [`model::Bedrock`], [`model::Model`] |
//! | set limits, instructions and what clients may send | [`agent::AgentBuilder`], [`Limits`] |
//! | limit what users and organisations spend on a day | [`budget::Budgets`] |
//! | set quotas of your own, record what runs use | [`endpoint::EndpointBuilder::admit`], [`endpoint::EndpointBuilder::after_run`] |
//! | serve the agent from a server of your own | [`Endpoint`] |
//! | test a tool, or an agent without a provider | [`ToolContext::for_test`], [`testing::TestAgent`], [`model::Scripted`] |
//!
//! An application imports what it names from [`prelude`], or from the root. Everything else has one path, in its module.
//! [`reexports`] has the crates whose types are in signatures of this one.
//!
//! # Modules
//!
//! A module uses only modules above it in this table.
//!
//! | module | what it contains |
//! | --- | --- |
//! | [`protocol`] | the data types of AG-UI, from the crate [`ag_ui_wire`] |
//! | [`transcript`] | the only writer of events, which keeps them in a valid order; from the same crate |
//! | [`model`] | the port to a chat model, and an adapter for each provider |
//! | [`secrets`] | the port to a store of secrets, a cache for what is read from it, and the providers' API keys |
//! | [`tool`](mod@tool) | backend tools |
//! | [`auth`] | who calls: the shared token, proven claims, users' tokens |
//! | [`approval`] | signed approvals of tool calls that wait for a person |
//! | [`budget`] | how many tokens users and organisations may use on a day |
//! | [`agent`] | the agent loop, which makes a run of all of these |
//! | [`testing`] | a test kit for authors of agents |
//! | [`endpoint`] | HTTP without the name of any cloud: a request in, a stream of events or a rejection out |
//! | `config` | the settings, from environment variables |
//! | `lambda` | the Lambda function: its entry points, AWS Secrets Manager, DynamoDB, log lines and metrics |
//! | [`prelude`] | what an application with tools names |
//!
//! # Features
//!
//! The first six are on by default. Without any feature the crate contains no AWS crate and no HTTP server; you then mount
//! the endpoint in a server of your own.
//!
//! | feature | what it adds | without it |
//! | --- | --- | --- |
//! | `lambda` | the modules `lambda` and `config`, and the feature `jwt` | there is the endpoint alone |
//! | `bedrock` | Amazon Bedrock | the adapter is unknown |
//! | `http-models` | OpenAI, Anthropic, Gemini, Ollama and the providers compatible with them | the adapters are unknown |
//! | `dynamodb` | a table that ensures that an approval is used only once, and that counts budgets | a function that is configured with a table does not start |
//! | `validate` | the arguments of tools and the answers of people are checked against the JSON Schema of their type | serde alone checks them: a range, a pattern or a length that only the schema has is not checked |
//! | `local` | local mode: with `AGUI_LOCAL=1` a debug build serves itself on your machine | a function needs a Runtime API |
//! | `jwt` | verification of the end user's JWT | users' tokens cannot be configured |
//! | `otel` | spans of a run for an OpenTelemetry collector | there are no spans |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

pub mod agent;
pub mod approval;
pub mod auth;
pub mod budget;
#[cfg(feature = "lambda")]
pub mod config;
pub mod endpoint;
mod error_chain;
#[cfg(feature = "lambda")]
pub mod lambda;
mod log_events;
pub mod model;
pub mod prelude;
pub mod secrets;
mod suggest;
pub mod testing;
pub mod tool;

pub use ag_ui_macros::tool;
use ag_ui_wire::json;
pub use ag_ui_wire::{protocol, transcript};

pub use agent::{Agent, Limits};
pub use auth::{Claims, Forbidden};
#[cfg(feature = "lambda")]
pub use config::Config;
pub use endpoint::Endpoint;
pub use model::demo;
pub use tool::{DynTool, Grants, NoArgs, Parts, Tool, ToolContext, ToolError, tool_fn};

/// The crates whose types and traits are in signatures of this crate, in the version that this crate uses.
///
/// A package that names such a type may take it from here. It then needs no dependency of its own, whose version could
/// differ.
///
/// | what | where it is met |
/// | --- | --- |
/// | [`serde_json`], [`serde`] | claims, arguments and results of tools, the shared state |
/// | [`schemars`] | the schema of a tool's arguments |
/// | [`http`], [`http_body`], [`bytes`], [`Service`](reexports::Service) | requests and responses of an [`Endpoint`] |
/// | [`secrecy`] | tokens and keys, whose `Debug` does not print them |
/// | [`Instant`](reexports::Instant) | deadlines, on tokio's clock |
/// | [`BoxFuture`](reexports::BoxFuture), [`BoxStream`](reexports::BoxStream), [`Stream`](reexports::Stream) | the traits that an application may implement, such as [`model::Model`], and the events of a run |
pub mod reexports {
    #[doc(no_inline)]
    pub use futures_util::future::BoxFuture;
    #[doc(no_inline)]
    pub use futures_util::stream::{BoxStream, Stream};
    #[doc(no_inline)]
    pub use tokio::time::Instant;
    #[doc(no_inline)]
    pub use tower_service::Service;
    #[doc(no_inline)]
    pub use {bytes, http, http_body, schemars, secrecy, serde, serde_json};
}
