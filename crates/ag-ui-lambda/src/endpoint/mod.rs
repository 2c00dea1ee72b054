//! The agent over HTTP, without any vendor's name: a request in, a stream of events or a rejection out.
//!
//! | module | what it does |
//! | --- | --- |
//! | `anonymous` | what a caller may do about whom nothing is proven |
//! | `mapping` | what the application's function from claims to callers may return |
//! | `builder` | builds an [`Endpoint`], and reports what is missing then and not at the first request |
//! | `admission` | lets the application decide about a run that passes all other checks |
//! | `refusal` | how the application refuses a run |
//! | `extensions` | what a request carries beside its head and body |
//! | `request_body` | reads the body of a request, at most up to the limit |
//! | `service` | checks a request in a fixed order and starts its run |
//! | `routes` | finds out which path and method are served |
//! | `body` | the body of a response, with the run as a stream |
//! | `run_frames` | the frames of a run, which ends even if the client does not read them |
//! | `reports` | reports of ended runs, and how they are awaited |
//! | `buffered` | responses in one piece, for entry points that cannot stream, within a `response_limit` |
//! | `cors` | the pages of which other origins may call the endpoint |
//! | `rejection` | every answer without a run, with its one status and code |
//! | `start_lines` | what is logged when an endpoint is built |
//! | `hints` | what a developer reads beside a rejection, in local work only |
//!
//! Whatever can be rejected is rejected before the first byte of a stream, with a real status. After that nothing is an
//! HTTP error: a run ends in an event. The order of the checks is part of the contract, and nothing of a body is looked at
//! before the caller is authenticated.

mod admission;
mod anonymous;
mod body;
mod buffered;
pub(crate) mod builder;
mod cors;
mod extensions;
mod hints;
pub(crate) mod mapping;
mod refusal;
mod rejection;
mod reports;
mod request_body;
mod response_limit;
pub(crate) mod routes;
mod run_frames;
mod service;
mod start_lines;

pub use admission::Admission;
pub use body::ResponseBody;
pub use builder::{BuildEndpointError, EndpointBuilder};
pub use cors::{CorsOrigins, InvalidOriginError};
pub use extensions::{CorsOfEntryPoint, RunDeadline, SourceAddress, Tenant};
pub use hints::DeveloperHints;
pub use refusal::Refusal;
pub use response_limit::ResponseLimit;
pub use service::Endpoint;
