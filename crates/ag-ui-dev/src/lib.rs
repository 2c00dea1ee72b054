//! Runs a Lambda function on this machine, with stand-ins for the AWS services and the other servers around it.
//!
//! - [`Function`] starts the real program of a function against a Runtime API of its own, sends it events, and reads its
//!   responses as they stream.
//! - [`EntryPoint`] makes the events that the entry points of Lambda send, and [`FunctionUrl`] is an HTTP server that acts as
//!   one of them.
//! - [`Issuer`] signs the tokens of end users and publishes its keys.
//! - `provider` (with the feature `providers`) is a stand-in for the API of a model provider, with faults.
//! - [`loopback`] is the HTTP server under all of them, which other stand-ins can use too.
//! - [`server`] is a development server for people, with a page to try a function.
//!
//! Nothing here is a model. Events and responses pass unchanged and unchecked.
//!
//! The rule it guards: a function runs in a process of its own and uses the same protocol as with AWS, so it behaves here
//! as it would there.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod entry_point;
mod error;
mod function;
mod function_response;
mod function_url;
mod http_response;
mod invocation;
mod issuer;
pub mod loopback;
mod process;
#[cfg(feature = "providers")]
pub mod provider;
mod response_head;
mod runtime_api;
pub mod server;

pub use entry_point::{ClaimSet, EntryPoint};
pub use error::{FunctionError, ReportedError};
pub use function::Function;
pub use function_response::{BodyChunk, FunctionResponse};
pub use function_url::FunctionUrl;
pub use invocation::{Invocation, Payload};
pub use issuer::{Issuer, IssuerError};
