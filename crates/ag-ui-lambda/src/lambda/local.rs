//! Local mode: serves the function on a developer's machine, with a page to try it.
//!
//! This process becomes a development server and starts its own program once more, as Lambda would: behind a Runtime API,
//! with the same events and the same log. So a request takes the same path through the code as on AWS. Release builds have
//! no local mode.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use ag_ui_dev::FunctionError;
use ag_ui_dev::server::{Server, ServerError, Settings};
use rustix::process::getppid;
use tokio::time::sleep;
use tracing::error;

use super::telemetry;
use crate::config::{self, LogSettings};
use crate::error_chain::error_chain;

/// How often the function checks that the development server is still running.
const PARENT_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Runs the development server until the program is stopped, in place of the function. If it fails, logs why and
/// returns a failure.
pub(super) async fn serve_locally() -> ExitCode {
    telemetry::init(&LogSettings::from_env());
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            // The lines that the function has logged are printed already.
            if let Some(ServerError::Function(FunctionError::Exited { status, .. })) = cause.downcast_ref() {
                error!(
                    status,
                    "the function ended before it asked for an event; the lines above have the reason"
                );
            } else {
                error!(cause = error_chain(cause.as_ref()), "the function cannot be served on this machine");
            }
            ExitCode::FAILURE
        }
    }
}

/// Waits until the process that started this one has ended, such as an emulator that was killed. The function then
/// ends as well.
///
/// The Runtime API has ended with that process, and lambda_runtime 1.5 would ask it for events again and again, without
/// a pause. This function is used in local mode only.
pub(super) async fn wait_for_parent_exit() {
    let parent = getppid();
    while getppid() == parent {
        sleep(PARENT_CHECK_INTERVAL).await;
    }
}

/// Starts the development server, which starts this program once more as the function, and waits until it is stopped.
///
/// # Errors
/// If a variable is unusable, or if the server or the function cannot be started or fails.
async fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::read(std::env::current_exe()?, config::variable)?;
    let server = Server::start(settings).await?;
    server.print_welcome();
    Ok(server.run_until_stopped().await?)
}
