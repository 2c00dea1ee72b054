//! Reads streams with genai, in a separate program: `tests/oracles/genai`, whose manifest gives the reason. `make programs`
//! builds it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::outline::Outline;

/// Much longer than reading takes.
const LIMIT: Duration = Duration::from_secs(60);

/// Reads each stream from its URL with the adapter of its wire.
pub(super) async fn read(served: &[(&str, String)]) -> Vec<Outline> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/genai/debug/genai-reader");
    assert!(program.is_file(), "genai's reader is not built: run `make programs`");
    let mut program = Command::new(program);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut program = program.spawn().unwrap();

    let streams: Value =
        served.iter().map(|(adapter, url)| json!({ "adapter": adapter, "url": url })).collect();
    let mut input = program.stdin.take().unwrap();
    input.write_all(streams.to_string().as_bytes()).await.unwrap();
    drop(input);
    let output = timeout(LIMIT, program.wait_with_output()).await.unwrap().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let outlines: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    outlines.into_iter().map(Outline::new).collect()
}
