//! Official clients and the protocol's validators, at the function's URL as `cargo lambda watch` serves it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tokio::process::Command;

use crate::support::function::TOKEN;
use crate::support::oracles::{self, node};
use crate::support::watch::Watch;
use crate::support::{recording, venv};

/// What front ends use today: the current client, and the one that CopilotKit still bundles.
const CLIENTS: [&str; 2] = ["1.0", "0.0.59"];

#[tokio::test]
async fn given_either_client_when_it_asks_for_the_weather_then_the_tool_run_completes() {
    for client in CLIENTS {
        plays(client, "tool").await;
    }
}

#[tokio::test]
async fn given_either_client_when_it_asks_for_two_cities_then_both_calls_of_the_turn_are_answered() {
    for client in CLIENTS {
        plays(client, "parallel").await;
    }
}

#[tokio::test]
async fn given_the_1_0_client_when_it_answers_a_frontend_call_then_the_next_run_goes_on_from_there() {
    plays("1.0", "frontend").await;
}

#[tokio::test]
async fn given_the_0_0_59_client_when_it_answers_a_frontend_call_then_the_next_run_goes_on_from_there() {
    plays("0.0.59", "frontend").await;
}

#[tokio::test]
async fn given_ag_ui_validate_on_the_wire_then_it_finds_no_error_and_no_buffering() {
    let watch = Watch::shared().await;
    let mut validate = Command::new(venv().join("bin/ag-ui-validate"));
    validate.args([&watch.url, "--header", &watch.header(), "--timeout", "60", "--json"]);
    // 1.0 demands what the tool only advises; tests/oracles/validate.py has the reasons.
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
async fn each_oracle_refuses_broken_streams_and_passes_good_ones() {
    oracles::self_test().await.unwrap_or_else(|told| panic!("{told}"));
}

#[tokio::test]
async fn the_driver_of_the_clients_refuses_broken_agents_and_passes_good_ones() {
    let told = oracles::output(&mut node("tests/clients/self-test.mjs")).await;

    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
}

#[tokio::test]
async fn given_a_recording_without_its_end_and_with_an_unknown_key_then_no_oracle_passes_it() {
    let [good] = plays("1.0", "tool").await.try_into().unwrap();
    let text = fs::read_to_string(&good).unwrap();
    let (whole, _terminal) = text.trim_end().rsplit_once("\n\n").unwrap();
    let broken = recording("broken.sse");
    fs::write(&broken, format!("{whole}\n\n").replacen("{\"type\"", "{\"stranger\":1,\"type\"", 1)).unwrap();

    let refusal = oracles::check(&[broken]).await.unwrap_err();

    for oracle in ["frames.mjs", "schema.py", "validate.py"] {
        assert!(refusal.contains(oracle), "{oracle} passed it\n{refusal}");
    }
}

/// Has a client play a scenario and the oracles judge what came over the wire; returns the recordings.
async fn plays(client: &str, scenario: &str) -> Vec<PathBuf> {
    let watch = Watch::shared().await;
    // Two tests play the same side by side.
    static PLAYED: AtomicU32 = AtomicU32::new(0);
    let prefix = recording(&format!("{client}-{scenario}-{}", PLAYED.fetch_add(1, Ordering::Relaxed)));
    let mut drive = node("tests/clients/drive.mjs");
    drive.args(["--client", client, "--scenario", scenario, "--url", &watch.url]);
    drive.args(["--header", &watch.header(), "--record"]).arg(&prefix);

    let output = oracles::output(&mut drive).await;

    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{client} {scenario}: {}", String::from_utf8_lossy(&told));
    let runs = if scenario == "frontend" { 2 } else { 1 };
    let thread: Vec<PathBuf> = (1..=runs).map(|run| numbered(&prefix, run)).collect();
    for secret in [TOKEN, "What is the weather", "weather in Tokyo", "change the background"] {
        assert!(!watch.log().contains(secret), "{secret} stands in the function's log");
    }
    let verdict = oracles::check(&thread).await;
    verdict.unwrap_or_else(|refusal| panic!("{client} {scenario}: {refusal}"));
    thread
}

/// The file that the driver makes of a prefix.
fn numbered(prefix: &Path, run: usize) -> PathBuf {
    PathBuf::from(format!("{}-{run}.sse", prefix.display()))
}
