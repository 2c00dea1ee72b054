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
//! - [`protocol`]: AG-UI on the wire, plain data.
//! - [`transcript`]: the only producer of events, in order by construction.
//! - [`model`]: the port to a chat model, an adapter for each wire, and the scripted one.
//! - [`tool`]: backend tools.
//! - [`approval`]: proofs that a call waits for a person.
//! - [`agent`]: the loop that makes a run of the four before it.
//! - [`endpoint`]: HTTP without any cloud's name: authentication, refusals, the stream.
//! - [`secret`]: the port to a store of secrets.
//! - `keys`: the providers' API keys in one secret.
//! - `config`: settings from the environment.
//! - `aws`: the Lambda function: front doors, Secrets Manager.

pub mod agent;
pub mod approval;
#[cfg(feature = "aws")]
pub mod aws;
mod cached;
mod causes;
#[cfg(feature = "aws")]
pub mod config;
pub mod endpoint;
mod json;
#[cfg(feature = "hosted")]
pub mod keys;
pub mod model;
pub mod protocol;
pub mod secret;
mod suggest;
pub mod tool;
pub mod transcript;

pub use agent::{Agent, Limits};
#[cfg(feature = "aws")]
pub use config::Config;
pub use endpoint::{Claims, Endpoint, Forbidden};
pub use model::demo;
pub use tool::{Grants, NoArgs, Parts, Tool, ToolContext, ToolError, tool_fn};
