//! Serve an AG-UI agent from AWS Lambda.
//!
//! A POST with a `RunAgentInput` comes in through a function URL or API Gateway; the shared token is checked
//! against Secrets Manager; the caller's proven claims become a typed context for tools; the agent's loop
//! talks to a model and runs tools; every step streams out at once as AG-UI events in SSE frames.
//!
//! The paved path for a function is `Config`, [`Agent`], `aws::serve`; `src/main.rs` is an example to start from.
//!
//! # The map
//!
//! - [`protocol`]: AG-UI on the wire, plain data; of the crate [`ag_ui_wire`].
//! - [`transcript`]: the only producer of events, in order by construction; of the same crate.
//! - [`model`]: the port to a chat model, an adapter for each wire, and the scripted one.
//! - [`tool`]: backend tools.
//! - [`approval`]: proofs that a call waits for a person.
//! - [`agent`]: the loop that makes a run of the four before it.
//! - [`endpoint`]: HTTP without any cloud's name: authentication, refusals, the stream.
//! - [`secret`]: the port to a store of secrets.
//! - `keys`: the providers' API keys in one secret.
//! - `config`: settings from the environment.
//! - `aws`: the Lambda function: front doors, Secrets Manager.
//!
//! # Features
//!
//! The first six are on by default. Without any the crate has no AWS crate and no HTTP server in it: the endpoint is then
//! mounted in a server of your own.
//!
//! | feature | what it adds | without it |
//! | --- | --- | --- |
//! | `lambda` | `aws` and `config`: the Lambda function, its entry points, Secrets Manager; `jwt` | the endpoint alone |
//! | `bedrock` | Amazon Bedrock | the adapter is unknown |
//! | `http-models` | OpenAI, Anthropic, Gemini, Ollama and the providers compatible with them | the adapters are unknown |
//! | `dynamodb` | a table in which an approval counts once | a function that is told of a table does not start |
//! | `validate` | arguments of tools and answers of people are checked against the JSON Schema of their type | serde alone checks them, in the same places: a range, a pattern or a length that only the schema has is not checked |
//! | `local` | local mode: with `AGUI_LOCAL=1` a debug build serves itself on this machine | a function needs a Runtime API |
//! | `jwt` | the end user's JWT is verified | nobody can set one up |
//! | `otel` | spans of a run for an OpenTelemetry collector | no spans |

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod agent;
pub mod approval;
#[cfg(feature = "lambda")]
pub mod aws;
mod cached;
mod causes;
#[cfg(feature = "lambda")]
pub mod config;
pub mod endpoint;
#[cfg(feature = "http-models")]
pub mod keys;
pub mod model;
pub mod secret;
mod suggest;
pub mod tool;

use ag_ui_wire::json;
pub use ag_ui_wire::{protocol, transcript};

pub use agent::{Agent, Limits};
#[cfg(feature = "lambda")]
pub use config::Config;
pub use endpoint::{Claims, Endpoint, Forbidden};
pub use model::demo;
pub use tool::{Grants, NoArgs, Parts, Tool, ToolContext, ToolError, tool_fn};
