//! Serve an AG-UI agent from AWS Lambda.

#[cfg(feature = "aws")]
pub mod aws;
mod cached;
mod causes;
pub mod endpoint;
pub mod secret;
