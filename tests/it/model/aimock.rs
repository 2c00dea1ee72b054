//! The providers as an independent stand-in plays them: `@copilotkit/aimock`.
//!
//! Bedrock is left out: aimock sends text frames in a format that AWS does not use, and the SDK rejects them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ag_ui_dev::provider::Wire;
use tokio::process::Child;

use super::variables;
use crate::support::client_run::{run_client, serve_url};
use crate::support::free_port;
use crate::support::function::{Function, local_function};
use crate::support::oracles::node;

const WIRES: [Wire; 4] = [Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Anthropic, Wire::Gemini];

/// A running aimock. It stops when it is dropped.
struct Aimock {
    url: String,
    _process: Child,
}

impl Aimock {
    /// Starts aimock with the fixtures of `tests/servers/aimock.json`.
    async fn start() -> Self {
        let port = free_port();
        let mut command = node("tests/clients/node_modules/@copilotkit/aimock/dist/cli.js");
        command.args(["--port", &port.to_string(), "--fixtures", "tests/servers/aimock.json"]);
        command.args(["--chunk-size", "8", "--strict", "--log-level", "silent"]).kill_on_drop(true);
        let process = command.spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let aimock = Self { url, _process: process };
        let client = reqwest::Client::new();
        let began = Instant::now();
        while client.get(format!("{}/health", aimock.url)).send().await.is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "aimock does not start; run the tests through `make test`"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        aimock
    }

    /// Starts a function with its model at aimock.
    async fn function(&self, wire: Wire) -> Function {
        let variables = variables(wire, &self.url);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        local_function(&variables).await
    }
}

#[tokio::test]
async fn client_completes_a_run_against_aimock() {
    let aimock = Aimock::start().await;
    for wire in WIRES {
        let function = Arc::new(aimock.function(wire).await);
        let name = format!("aimock-{wire:?}");
        let [run] =
            run_client("1.0", "parallel", &serve_url(&function).await.url(), &name).await.try_into().unwrap();

        let text_of = |kind: &str| -> String {
            run.iter()
                .filter(|event| event["type"] == kind)
                .filter_map(|event| event["delta"].as_str())
                .collect()
        };
        let text = text_of("TEXT_MESSAGE_CONTENT");
        assert_eq!(text, "Let me look that up for both cities.It is fine in both cities.", "{name}");
        assert_eq!(text_of("REASONING_MESSAGE_CONTENT"), "Two cities, so two calls.", "{name}");
    }
}
