//! Serve an AG-UI agent from AWS Lambda.
pub mod agent;
mod causes;
pub mod model;
pub mod protocol;
pub mod tool;
pub mod transcript;
