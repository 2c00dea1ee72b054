//! Local mode: the function serves itself on this machine, with a page to try it.
//!
//! This process becomes a development server and starts its own program once more, as Lambda would: behind a Runtime API,
//! with the same events and the same log. So nothing that is seen here takes another path than it does on AWS. Release
//! builds have no local mode.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use ag_ui_dev::FunctionError;
use ag_ui_dev::server::{Server, ServerError, Settings};
use rustix::process::getppid;
use tokio::time::sleep;
use tracing::error;

use super::logging;
use crate::causes::causes;
use crate::config::{self, LogSettings};

/// How often it is looked whether there is still a process that hands events over.
const PARENT_EVERY: Duration = Duration::from_millis(500);

/// Serves until the program is stopped.
pub(super) async fn serve() -> ExitCode {
    logging::init(&LogSettings::from_env());
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            // What a function has logged before it ended was printed already.
            if let Some(ServerError::Function(FunctionError::Exited { status, .. })) = cause.downcast_ref() {
                error!(status, "the function ended before it asked for work; the lines above say why");
            } else {
                error!(cause = causes(cause.as_ref()), "the function can't be served on this machine");
            }
            ExitCode::FAILURE
        }
    }
}

/// Returns when the process that has started this one is gone, an emulator that was killed for example.
///
/// Nobody hands events over then, and lambda_runtime 1.5 would ask for them without a pause, for ever.
pub(super) async fn parent_is_gone() {
    let parent = getppid();
    while getppid() == parent {
        sleep(PARENT_EVERY).await;
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read(std::env::current_exe()?, config::variable)?;
    let server = Server::start(settings).await?;
    server.print_welcome();
    Ok(server.run_until_stopped().await?)
}
