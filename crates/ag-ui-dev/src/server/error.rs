//! The error of a development server that did not start.

use std::io;

use crate::FunctionError;

/// The error of a development server that did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The port is taken or may not be used.
    #[error("no HTTP server can listen on port {port} of 127.0.0.1; AGUI_PORT names another")]
    Listen {
        /// The port.
        port: u16,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A fault of the settings can't be set.
    #[error("the fault `{0}` can't be set: {1}")]
    Fault(String, String),
    /// The function did not start.
    #[error("the function did not start")]
    Function(#[from] FunctionError),
    /// The file with the local secrets can't be read or written.
    #[error(
        "the local secrets in {path} can't be used; without that file new ones are generated, and with AGUI_TOKEN and AGUI_APPROVAL_KEY it is not needed"
    )]
    Secrets {
        /// The path of the file.
        path: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The stand-in of an AWS service did not start.
    #[error("the stand-in of {0} did not start")]
    StandIn(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
}
