//! The weather, asked through an official client on each wire as the provider's documentation writes it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ag_ui_dev::provider::{Provider, Reply, Wire};
use serde_json::{Value, json};

use super::{WIRES, function, streams_arguments};
use crate::support::played::{played, url};

/// The recorded turns of a wire.
fn recorded(wire: Wire, turn: usize) -> Reply {
    let name = match wire {
        Wire::OpenAiChat => format!("openai-chat-{turn}.sse"),
        Wire::OpenAiResponses => format!("openai-responses-{turn}.sse"),
        Wire::Anthropic => format!("anthropic-{turn}.sse"),
        Wire::Gemini => format!("gemini-{turn}.sse"),
        Wire::Ollama => format!("ollama-{turn}.ndjson"),
        _ => format!("bedrock-{turn}.bin"),
    };
    file(wire, &name)
}

fn file(wire: Wire, name: &str) -> Reply {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wires").join(name);
    Reply::recording(wire, fs::read(path).unwrap())
}

#[tokio::test]
async fn given_each_wire_when_an_official_client_asks_for_the_weather_then_the_run_completes() {
    for wire in WIRES {
        let provider = Provider::start().await.unwrap();
        let function = Arc::new(function(wire, &provider, &[]).await);
        let door = url(&function).await;
        for client in ["1.0", "0.0.59"] {
            provider.reply([recorded(wire, 1), recorded(wire, 2)]);
            let name = format!("{wire:?}-{client}");
            let [run] = played(client, "parallel", &door.url(), &name).await.try_into().unwrap();
            is_whole(wire, &run, &name);
        }
        assert_eq!(provider.asked().iter().find_map(|asked| asked.refused.clone()), None);
    }
}

/// Reasoning where the wire has it, text, two calls, arguments in pieces where the wire has pieces, an answer, usage.
fn is_whole(wire: Wire, run: &[Value], name: &str) {
    let of = |kind: &str| run.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let text: String =
        of("TEXT_MESSAGE_CONTENT").iter().filter_map(|event| event["delta"].as_str()).collect();
    assert!(text.starts_with("Let me look.") && text.len() > 20, "{name}: {text}");
    // OpenAI's own chat wire counts reasoning and does not show it.
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
async fn given_the_habits_of_compatible_servers_then_the_turn_is_the_same() {
    for (wire, first, second) in [
        (Wire::OpenAiChat, "openai-compatible-1.sse", "openai-chat-2.sse"),
        (Wire::Gemini, "gemini-without-ids-1.sse", "gemini-2.sse"),
    ] {
        let provider = Provider::start().await.unwrap();
        let function = Arc::new(function(wire, &provider, &[]).await);
        provider.reply([file(wire, first), file(wire, second)]);

        let [run] = played("1.0", "parallel", &url(&function).await.url(), first).await.try_into().unwrap();

        assert_eq!(run.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT").count(), 2, "{first}");
    }
}
