//! The providers as an independent stand-in plays them: `@copilotkit/aimock`, with its faults.
//!
//! Bedrock is left out: aimock sends text frames in a format that AWS does not use, and the SDK rejects them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ag_ui_dev::provider::Wire;
use serde_json::{Value, json};
use tokio::process::Child;

use super::variables;
use crate::support::client_run::{run_client, serve_url};
use crate::support::free_port;
use crate::support::function::{Function, TOKEN, local_function, send_hello};
use crate::support::oracles::node;

const WIRES: [Wire; 4] = [Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Anthropic, Wire::Gemini];

/// A running aimock. It stops when it is dropped.
struct Aimock {
    url: String,
    client: reqwest::Client,
    _process: Child,
}

impl Aimock {
    async fn start() -> Self {
        let port = free_port();
        let mut command = node("tests/clients/node_modules/@copilotkit/aimock/dist/cli.js");
        command.args(["--port", &port.to_string(), "--fixtures", "tests/servers/aimock.json"]);
        command.args(["--chunk-size", "8", "--strict", "--log-level", "silent"]).kill_on_drop(true);
        let process = command.spawn().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let aimock = Self { url, client: reqwest::Client::new(), _process: process };
        let began = Instant::now();
        while aimock.client.get(format!("{}/health", aimock.url)).send().await.is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "aimock does not start; run the tests through `make test`"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        aimock
    }

    async fn chaos(&self, rates: Value) {
        let chaos = self.client.post(format!("{}/__aimock/chaos", self.url));
        let answer =
            chaos.header("content-type", "application/json").body(rates.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

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

#[tokio::test]
async fn each_aimock_fault_ends_in_its_code() {
    let aimock = Aimock::start().await;
    for wire in WIRES {
        let function = aimock.function(wire).await;
        for (rates, codes) in [
            (json!({ "rateLimitRate": 1 }), ["MODEL_THROTTLED", "MODEL_THROTTLED"]),
            (json!({ "dropRate": 1 }), ["MODEL_UNAVAILABLE", "MODEL_UNAVAILABLE"]),
            (json!({ "disconnectRate": 1 }), ["MODEL_UNAVAILABLE", "MODEL_UNAVAILABLE"]),
            (json!({ "malformedRate": 1 }), ["MODEL_STREAM_CUT", "MODEL_UNAVAILABLE"]),
        ] {
            aimock.chaos(rates.clone()).await;
            let reply = send_hello(&function, TOKEN).await;
            let code = reply.events.last().unwrap()["code"].as_str().unwrap_or("none").to_owned();
            assert!(codes.contains(&code.as_str()), "{wire:?} {rates}: {code}");
        }
        aimock.client.delete(format!("{}/__aimock/chaos", aimock.url)).send().await.unwrap();
        let reply = send_hello(&function, TOKEN).await;
        assert_eq!(reply.events.last().unwrap()["type"], "RUN_FINISHED", "{wire:?} recovers: {}", reply.text);
    }
}
