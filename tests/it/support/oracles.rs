//! Runs the programs in `tests/oracles` on recorded streams: they validate frames, schema and order by the protocol's own
//! tools, outside of this process.
//!
//! Within this process, `event_order` checks the order of events.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

/// Much longer than any of them takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Validates with every oracle the consecutive runs of one thread, each recorded in a file of its own.
///
/// An error contains the output of each oracle that rejected a run.
pub(crate) async fn check(thread: &[PathBuf]) -> Result<(), String> {
    run_all(thread, &["--thread"]).await
}

/// Validates with every oracle runs that belong to different threads. An error is as for [`check`].
pub(crate) async fn check_runs(runs: &[PathBuf]) -> Result<(), String> {
    run_all(runs, &[]).await
}

/// Validates a recording with the oracles for frames and schema, which look at each frame by itself. An error is as for
/// [`check`].
pub(crate) async fn check_frames(recording: &Path) -> Result<(), String> {
    let [mut frames, mut schema, _order] = oracles();
    frames.1.arg(recording);
    schema.1.arg(recording);
    run([frames, schema]).await
}

/// Runs all oracles on these files. `order_of` are options for the oracle that checks the order of events.
async fn run_all(recordings: &[PathBuf], order_of: &[&str]) -> Result<(), String> {
    let [mut frames, mut schema, mut order] = oracles();
    frames.1.args(recordings);
    schema.1.args(recordings);
    order.1.args(order_of).args(recordings);
    run([frames, schema, order]).await
}

/// Runs the self-test of each oracle, which shows that it rejects broken streams and accepts valid ones.
pub(crate) async fn self_test() -> Result<(), String> {
    let proving = oracles().map(|(name, mut command)| {
        command.arg("--self-test");
        (name, command)
    });
    run(proving).await
}

/// Returns the command that runs a JavaScript file of the repository.
pub(crate) fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.current_dir(env!("CARGO_MANIFEST_DIR")).arg(script);
    node
}

/// Runs a command to its end and returns its output. It panics after two minutes.
pub(crate) async fn output(command: &mut Command) -> Output {
    command.kill_on_drop(true);
    timeout(TIMEOUT, command.output()).await.unwrap().unwrap()
}

/// Returns the command that runs a Python file in the project's environment.
fn python(script: &str) -> Command {
    let mut python = Command::from(super::python());
    python.arg(script);
    python
}

/// Returns the names and commands of the three oracles: for frames, schema and order.
fn oracles() -> [(&'static str, Command); 3] {
    let mut schema = python("tests/oracles/schema.py");
    // A developer can name an additional schema.
    if let Some(further) = std::env::var_os("AGUI_EXTRA_SCHEMA") {
        schema.arg("--also").arg(further);
    }
    [
        ("frames.mjs", node("tests/oracles/frames.mjs")),
        ("schema.py", schema),
        ("validate.py", python("tests/oracles/validate.py")),
    ]
}

/// Returns the JSON Schema of all events, which `schema.py` prints.
pub(crate) async fn events_schema() -> Value {
    let output = output(python("tests/oracles/schema.py").arg("--print")).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs these commands at the same time. If any fails, returns the output of all that failed as an error.
async fn run<const N: usize>(oracles: [(&str, Command); N]) -> Result<(), String> {
    let verdicts = oracles.map(|(name, mut command)| async move {
        let output = output(&mut command).await;
        let text = [output.stdout, output.stderr].concat();
        let refusal = format!("{name} ({}):\n{}", output.status, String::from_utf8_lossy(&text));
        (!output.status.success()).then_some(refusal)
    });
    let refusals: Vec<String> = join_all(verdicts).await.into_iter().flatten().collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals.join("\n")) }
}
