//! Serve an AG-UI agent from AWS Lambda.

mod cached;
mod causes;
pub mod endpoint;
pub mod secret;
