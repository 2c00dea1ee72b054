//! The protocol's own validators, which judge recorded streams from outside: `tests/oracles`.
//!
//! Not `oracle`, which knows the order of events in this process.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

/// Far above what any of them takes.
const LIMIT: Duration = Duration::from_secs(120);

/// Shows recordings to every oracle: consecutive runs of one thread, each in a file of its own.
///
/// An error holds what each of those that refused it said.
pub(crate) async fn check(thread: &[PathBuf]) -> Result<(), String> {
    judge(thread, &["--thread"]).await
}

/// Shows recordings to every oracle: runs that have nothing to do with each other.
pub(crate) async fn check_runs(runs: &[PathBuf]) -> Result<(), String> {
    judge(runs, &[]).await
}

/// Shows a recording to those oracles that judge each frame by itself.
pub(crate) async fn check_frames(recording: &Path) -> Result<(), String> {
    let [mut frames, mut schema, _order] = oracles();
    frames.1.arg(recording);
    schema.1.arg(recording);
    ask([frames, schema]).await
}

async fn judge(recordings: &[PathBuf], order_of: &[&str]) -> Result<(), String> {
    let [mut frames, mut schema, mut order] = oracles();
    frames.1.args(recordings);
    schema.1.args(recordings);
    order.1.args(order_of).args(recordings);
    ask([frames, schema, order]).await
}

/// Has each oracle prove that it refuses broken streams and passes good ones.
pub(crate) async fn self_test() -> Result<(), String> {
    let proving = oracles().map(|(name, mut command)| {
        command.arg("--self-test");
        (name, command)
    });
    ask(proving).await
}

/// A script in JavaScript.
pub(crate) fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.current_dir(env!("CARGO_MANIFEST_DIR")).arg(script);
    node
}

/// Runs a command to its end.
pub(crate) async fn output(command: &mut Command) -> Output {
    command.kill_on_drop(true);
    timeout(LIMIT, command.output()).await.unwrap().unwrap()
}

fn python(script: &str) -> Command {
    let mut python = Command::from(super::python());
    python.arg(script);
    python
}

fn oracles() -> [(&'static str, Command); 3] {
    let mut schema = python("tests/oracles/schema.py");
    // A further schema, where a developer has one.
    if let Some(further) = std::env::var_os("AGUI_EXTRA_SCHEMA") {
        schema.arg("--also").arg(further);
    }
    [
        ("frames.mjs", node("tests/oracles/frames.mjs")),
        ("schema.py", schema),
        ("validate.py", python("tests/oracles/validate.py")),
    ]
}

/// The JSON Schema of any event, as schema.py has it.
pub(crate) async fn events_schema() -> Value {
    let output = output(python("tests/oracles/schema.py").arg("--print")).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn ask<const N: usize>(oracles: [(&str, Command); N]) -> Result<(), String> {
    let verdicts = oracles.map(|(name, mut command)| async move {
        let output = output(&mut command).await;
        let said = [output.stdout, output.stderr].concat();
        let refusal = format!("{name} ({}):\n{}", output.status, String::from_utf8_lossy(&said));
        (!output.status.success()).then_some(refusal)
    });
    let refusals: Vec<String> = join_all(verdicts).await.into_iter().flatten().collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals.join("\n")) }
}
