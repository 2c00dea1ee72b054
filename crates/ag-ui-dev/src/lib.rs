//! The local Lambda: what stands around the function when AWS does not.
//!
//! [`Function`] spawns the real function binary against its own Runtime API, hands it events and reads its
//! answers as they stream. [`Issuer`] signs end users' tokens and publishes its keys.
//! [`FunctionUrl`] stands before a function for clients that speak HTTP, and [`EntryPoint`] makes the events of every
//! entry point. `provider` writes what a model's provider writes, faults included, and [`loopback`] is the HTTP server under
//! all of them, for a server of your own. Tests and benches use them all;
//! [`server`] is made of them for people. Nothing here is a model, and
//! nothing checks or changes what passes: an event goes in as it is, an answer comes out as the function wrote it.
//!
//! The rule it guards: what the function is seen to do here, it was made to do through the same wire that
//! AWS uses, in its own process.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod entry_point;
mod error;
mod function;
mod function_url;
mod head;
mod http_answer;
mod invocation;
mod issuer;
pub mod loopback;
mod process;
#[cfg(feature = "providers")]
pub mod provider;
mod runtime_api;
pub mod server;

pub use answer::{Answer, Frame};
pub use entry_point::{ClaimSet, EntryPoint};
pub use error::{Failure, FunctionError};
pub use function::Function;
pub use function_url::FunctionUrl;
pub use invocation::{Invocation, Payload};
pub use issuer::{Issuer, IssuerError};

#[cfg(test)]
mod tests;
