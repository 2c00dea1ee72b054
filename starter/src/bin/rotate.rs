//! The function that rotates the agent's secrets. Secrets Manager calls it on the schedule of deploy/rotation.yaml.

use std::process::ExitCode;

use ag_ui_lambda::lambda;

/// Runs the function, which serves the events of rotations.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(lambda::rotate()).await
}
