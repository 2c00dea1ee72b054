//! The function that rotates the secrets of the agent's: Secrets Manager calls it, on template.yaml's schedule.

use std::process::ExitCode;

use ag_ui_lambda::aws;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    aws::start(aws::rotate()).await
}
