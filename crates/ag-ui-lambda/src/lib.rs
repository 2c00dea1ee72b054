//! Serves an AG-UI agent from AWS Lambda.
//!
//! A client posts a `RunAgentInput` through a function URL or API Gateway. The function checks who calls, by a shared token
//! from AWS Secrets Manager, an authorizer, IAM or the user's own JWT. What is proven about the caller becomes a typed
//! context for tools. The agent asks a model, runs tools, and streams each step at once as an AG-UI event in an SSE frame.
//!
//! A function reads its settings with `Config::from_env`, begins its agent with `lambda::agent`, adds instructions and tools,
//! and serves it with `lambda::serve`. The file `src/main.rs` of the repository is such a function.
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
//! | [`tool`] | backend tools |
//! | [`auth`] | who calls: the shared token, proven claims, users' tokens |
//! | [`approval`] | signed approvals of tool calls that wait for a person |
//! | [`agent`] | the agent loop, which makes a run of all of these |
//! | [`endpoint`] | HTTP without the name of any cloud: a request in, a stream of events or a rejection out |
//! | `config` | the settings, from environment variables |
//! | `lambda` | the Lambda function: its entry points, AWS Secrets Manager, DynamoDB, log lines and metrics |
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
//! | `dynamodb` | a table that ensures that an approval is used only once | a function that is configured with a table does not start |
//! | `validate` | the arguments of tools and the answers of people are checked against the JSON Schema of their type | serde alone checks them: a range, a pattern or a length that only the schema has is not checked |
//! | `local` | local mode: with `AGUI_LOCAL=1` a debug build serves itself on your machine | a function needs a Runtime API |
//! | `jwt` | verification of the end user's JWT | users' tokens cannot be configured |
//! | `otel` | spans of a run for an OpenTelemetry collector | there are no spans |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

pub mod agent;
pub mod approval;
pub mod auth;
#[cfg(feature = "lambda")]
pub mod config;
pub mod endpoint;
mod error_chain;
#[cfg(feature = "lambda")]
pub mod lambda;
mod log_events;
pub mod model;
pub mod secrets;
mod suggest;
pub mod tool;

use ag_ui_wire::json;
pub use ag_ui_wire::{protocol, transcript};

pub use agent::{Agent, Limits};
pub use auth::{Claims, Forbidden};
#[cfg(feature = "lambda")]
pub use config::Config;
pub use endpoint::Endpoint;
pub use model::demo;
pub use tool::{Grants, NoArgs, Parts, Tool, ToolContext, ToolError, tool_fn};
