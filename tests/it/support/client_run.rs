//! Runs official clients against a function's URL and has the oracles validate what they received.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ag_ui_dev::FunctionUrl;
use serde_json::Value;

use super::function::{Function, TOKEN, events};
use super::oracles::{self, node};
use super::recording;

/// Starts an HTTP server that acts as a function URL of `function`, so that a client can send requests to it.
pub(crate) async fn serve_url(function: &Arc<Function>) -> FunctionUrl {
    let function = Arc::clone(function);
    let invoke = move |event: Value| {
        let function = Arc::clone(&function);
        async move { function.invoke(&event).await }
    };
    FunctionUrl::serve(invoke).await.unwrap()
}

/// Runs a scenario of `tests/clients` with an official client against the function URL `url`. Returns the events of each
/// run.
///
/// It panics if an oracle rejects a run. `name` names the recorded files.
pub(crate) async fn run_client(client: &str, scenario: &str, url: &str, name: &str) -> Vec<Vec<Value>> {
    let runs = record_client(client, scenario, url, name).await;
    oracles::check(&runs).await.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    runs.iter().map(|run| events(&fs::read_to_string(run).unwrap())).collect()
}

/// Runs a scenario as [`run_client`] does, but without the oracles, and returns the files with the recorded streams, one
/// for each run. It is for scenarios whose connections break, because an oracle would reject an incomplete stream.
pub(crate) async fn record_client(client: &str, scenario: &str, url: &str, name: &str) -> Vec<PathBuf> {
    let prefix = recording(name);
    let numbered = |run: usize| PathBuf::from(format!("{}-{run}.sse", prefix.display()));
    let earlier = (1..).map(numbered).take_while(|run| run.exists());
    earlier.for_each(|run| fs::remove_file(run).unwrap());
    let mut drive = node("tests/clients/drive.mjs");
    drive.args(["--client", client, "--scenario", scenario, "--url", url]);
    drive.args(["--header", &format!("x-agui-token: {TOKEN}"), "--record"]).arg(&prefix);
    let output = oracles::output(&mut drive).await;
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&text));
    (1..).map(numbered).take_while(|run| run.exists()).collect()
}
