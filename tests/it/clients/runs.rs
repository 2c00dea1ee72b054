//! Official clients and the protocol's validators, against a function URL served by `cargo lambda watch`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tokio::process::Command;

use crate::support::emulator::Emulator;
use crate::support::function::TOKEN;
use crate::support::oracles::{self, node};
use crate::support::{recording, venv};

/// The clients that front ends use today: the current one, and the one that CopilotKit still bundles.
const CLIENTS: [&str; 2] = ["1.0", "0.0.59"];

#[tokio::test]
async fn either_client_completes_a_tool_run() {
    for client in CLIENTS {
        run_scenario(client, "tool").await;
    }
}

#[tokio::test]
async fn either_client_gets_both_results_of_a_turn() {
    for client in CLIENTS {
        run_scenario(client, "parallel").await;
    }
}

#[tokio::test]
async fn client_1_0_continues_after_a_frontend_call() {
    run_scenario("1.0", "frontend").await;
}

#[tokio::test]
async fn client_0_0_59_continues_after_a_frontend_call() {
    run_scenario("0.0.59", "frontend").await;
}

#[tokio::test]
async fn ag_ui_validate_finds_no_error_or_buffering() {
    let watch = Emulator::shared().await;
    let mut validate = Command::new(venv().join("bin/ag-ui-validate"));
    validate.args([&watch.url, "--header", &watch.header(), "--timeout", "60", "--json"]);
    // The protocol requires what the tool only recommends; tests/oracles/validate.py has the reasons.
    validate.args(["--rule", "AGUI008=error", "--rule", "AGUI402=error"]);

    let output = oracles::output(&mut validate).await;

    let report = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}{complaint}");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["summary"]["errors"], 0, "{report:#}");
    assert!(!report["diagnostics"].to_string().contains("AGUI507"), "{report:#}");
    assert!(!report["skipped"].to_string().contains("AGUI507"), "{report:#}");
}

#[tokio::test]
async fn each_oracle_detects_broken_streams() {
    oracles::self_test().await.unwrap_or_else(|output| panic!("{output}"));
}

#[tokio::test]
async fn client_driver_detects_broken_agents() {
    let output = oracles::output(&mut node("tests/clients/self-test.mjs")).await;

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn each_oracle_rejects_a_truncated_recording() {
    let [good] = run_scenario("1.0", "tool").await.try_into().unwrap();
    let text = fs::read_to_string(&good).unwrap();
    let (complete, _terminal) = text.trim_end().rsplit_once("\n\n").unwrap();
    let broken = recording("broken.sse");
    fs::write(&broken, format!("{complete}\n\n").replacen("{\"type\"", "{\"stranger\":1,\"type\"", 1))
        .unwrap();

    let refusal = oracles::check(&[broken]).await.unwrap_err();

    for oracle in ["frames.mjs", "schema.py", "validate.py"] {
        assert!(refusal.contains(oracle), "{oracle} passed it\n{refusal}");
    }
}

/// Runs a scenario with a client, validates the streams with the oracles, and returns the recordings.
async fn run_scenario(client: &str, scenario: &str) -> Vec<PathBuf> {
    let watch = Emulator::shared().await;
    // Two tests run the same scenario at the same time.
    static RUN_COUNT: AtomicU32 = AtomicU32::new(0);
    let prefix = recording(&format!("{client}-{scenario}-{}", RUN_COUNT.fetch_add(1, Ordering::Relaxed)));
    let mut drive = node("tests/clients/drive.mjs");
    drive.args(["--client", client, "--scenario", scenario, "--url", &watch.url]);
    drive.args(["--header", &watch.header(), "--record"]).arg(&prefix);

    let output = oracles::output(&mut drive).await;

    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{client} {scenario}: {}", String::from_utf8_lossy(&text));
    let runs = if scenario == "frontend" { 2 } else { 1 };
    let thread: Vec<PathBuf> = (1..=runs).map(|run| numbered(&prefix, run)).collect();
    for secret in [TOKEN, "What is the weather", "weather in Tokyo", "change the background"] {
        assert!(!watch.log().contains(secret), "{secret} stands in the function's log");
    }
    let verdict = oracles::check(&thread).await;
    verdict.unwrap_or_else(|refusal| panic!("{client} {scenario}: {refusal}"));
    thread
}

/// Returns the file that the driver writes for a run.
fn numbered(prefix: &Path, run: usize) -> PathBuf {
    PathBuf::from(format!("{}-{run}.sse", prefix.display()))
}
