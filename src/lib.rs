//! Serve an AG-UI agent from AWS Lambda.
pub mod agent;
mod causes;
#[cfg(feature = "dev")]
pub mod dev;
pub mod model;
pub mod protocol;
pub mod tool;
pub mod transcript;
