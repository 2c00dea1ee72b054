//! A tool run of an official client on each wire, with streams that are written after the provider's documentation.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ag_ui_dev::provider::{Provider, Reply, Wire};
use serde_json::{Value, json};

use super::{WIRES, function, streams_arguments};
use crate::support::client_run::{run_client, serve_url};

/// Returns a turn of this wire from `tests/provider_streams`.
fn recorded_turn(wire: Wire, turn: usize) -> Reply {
    let name = match wire {
        Wire::OpenAiChat => format!("openai-chat-{turn}.sse"),
        Wire::OpenAiResponses => format!("openai-responses-{turn}.sse"),
        Wire::Anthropic => format!("anthropic-{turn}.sse"),
        Wire::Gemini => format!("gemini-{turn}.sse"),
        Wire::Ollama => format!("ollama-{turn}.ndjson"),
        _ => format!("bedrock-{turn}.bin"),
    };
    stream_file(wire, &name)
}

/// Returns the reply with a file from `tests/provider_streams`.
fn stream_file(wire: Wire, name: &str) -> Reply {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provider_streams").join(name);
    Reply::recording(wire, fs::read(path).unwrap())
}

#[tokio::test]
async fn client_completes_a_tool_run_on_each_wire() {
    for wire in WIRES {
        let provider = Provider::start().await.unwrap();
        let function = Arc::new(function(wire, &provider, &[]).await);
        let function_url = serve_url(&function).await;
        for client in ["1.0", "0.0.59"] {
            provider.queue([recorded_turn(wire, 1), recorded_turn(wire, 2)]);
            let name = format!("{wire:?}-{client}");
            let [run] = run_client(client, "parallel", &function_url.url(), &name).await.try_into().unwrap();
            assert_complete(wire, &run, &name);
        }
        assert_eq!(provider.requests().iter().find_map(|asked| asked.rejection.clone()), None);
    }
}

/// Checks that a run has reasoning if the wire has it, text, two calls, streamed arguments if the wire streams them, an answer
/// and usage.
fn assert_complete(wire: Wire, run: &[Value], name: &str) {
    let of = |kind: &str| run.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let text: String =
        of("TEXT_MESSAGE_CONTENT").iter().filter_map(|event| event["delta"].as_str()).collect();
    assert!(text.starts_with("Let me look.") && text.len() > 20, "{name}: {text}");
    // OpenAI's chat wire counts reasoning but does not show it.
    assert_eq!(of("REASONING_MESSAGE_CONTENT").is_empty(), wire == Wire::OpenAiChat, "{name}");
    assert_eq!(of("TOOL_CALL_RESULT").len(), 2, "{name}");
    for call in of("TOOL_CALL_START") {
        let is_its = |event: &&&Value| event["toolCallId"] == call["toolCallId"];
        let pieces = of("TOOL_CALL_ARGS").iter().filter(is_its).count();
        assert_eq!(pieces > 1, streams_arguments(wire), "{name}: {pieces}");
    }
    let usage = &run.last().unwrap()["usage"][0];
    let (provider, model) = super::model(wire).split_once('/').unwrap();
    assert_eq!((&usage["provider"], &usage["model"]), (&json!(provider), &json!(model)), "{name}");
    let count = |of: &str| usage[of].as_u64().unwrap_or_default();
    assert!(count("inputTokens") > 0 && count("outputTokens") > 0, "{name}: {usage}");
    assert_eq!(count("totalTokens"), count("inputTokens") + count("outputTokens"), "{name}: {usage}");
}

#[tokio::test]
async fn compatible_server_variants_give_the_same_turn() {
    for (wire, first, second) in [
        (Wire::OpenAiChat, "openai-compatible-1.sse", "openai-chat-2.sse"),
        (Wire::Gemini, "gemini-without-ids-1.sse", "gemini-2.sse"),
    ] {
        let provider = Provider::start().await.unwrap();
        let function = Arc::new(function(wire, &provider, &[]).await);
        provider.queue([stream_file(wire, first), stream_file(wire, second)]);

        let [run] =
            run_client("1.0", "parallel", &serve_url(&function).await.url(), first).await.try_into().unwrap();

        assert_eq!(run.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT").count(), 2, "{first}");
    }
}
