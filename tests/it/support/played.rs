//! Official clients before a function: a URL, a scenario, and what the oracles say of it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ag_ui_dev::FunctionUrl;
use serde_json::Value;

use super::function::{Function, TOKEN, events};
use super::oracles::{self, node};
use super::recording;

/// A function URL before a function.
pub(crate) async fn url(function: &Arc<Function>) -> FunctionUrl {
    let function = Arc::clone(function);
    let invoke = move |event: Value| {
        let function = Arc::clone(&function);
        async move { function.invoke(&event).await }
    };
    FunctionUrl::serve(invoke).await.unwrap()
}

/// Has an official client play a scenario; returns the events of each run, which the oracles have passed.
pub(crate) async fn played(client: &str, scenario: &str, url: &str, name: &str) -> Vec<Vec<Value>> {
    let runs = play(client, scenario, url, name).await;
    oracles::check(&runs).await.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    runs.iter().map(|run| events(&fs::read_to_string(run).unwrap())).collect()
}

/// Has an official client play a scenario in which connections break, so that no oracle can judge what came; returns the
/// recordings of the runs.
pub(crate) async fn play(client: &str, scenario: &str, url: &str, name: &str) -> Vec<PathBuf> {
    let prefix = recording(name);
    let numbered = |run: usize| PathBuf::from(format!("{}-{run}.sse", prefix.display()));
    let earlier = (1..).map(numbered).take_while(|run| run.exists());
    earlier.for_each(|run| fs::remove_file(run).unwrap());
    let mut drive = node("tests/clients/drive.mjs");
    drive.args(["--client", client, "--scenario", scenario, "--url", url]);
    drive.args(["--header", &format!("x-agui-token: {TOKEN}"), "--record"]).arg(&prefix);
    let output = oracles::output(&mut drive).await;
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&told));
    (1..).map(numbered).take_while(|run| run.exists()).collect()
}
