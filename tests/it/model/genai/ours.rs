//! Reads a stream with our own wires.

use std::collections::BTreeMap;

use ag_ui_lambda::model::{
    Delta, HttpModel, Model as _, ModelSettings, Provider, Request, StopReason, Turn, UserPart,
};
use ag_ui_lambda::protocol::{ContentPart, PartKind};
use futures_util::StreamExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::outline::Outline;
use crate::support::provider::KEY;

/// Reads the stream that is served at `url`.
pub(super) async fn read(adapter: &str, url: &str) -> Outline {
    let provider = Provider::named(adapter).unwrap();
    let path = if matches!(adapter, "openai" | "openrouter" | "openai-responses") { "/v1" } else { "" };
    let model =
        HttpModel::new(provider, "m", SecretString::from(KEY)).base_url(&format!("{url}{path}")).unwrap();
    let mut deltas = model.stream(&request());

    let (mut text, mut reasoning, mut end) = (String::new(), String::new(), "error");
    let mut tokens = Value::Null;
    let mut calls: BTreeMap<usize, (String, String, bool)> = BTreeMap::new();
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(Delta::Text(piece)) => text.push_str(&piece),
            Ok(Delta::Reasoning(piece)) => reasoning.push_str(&piece),
            Ok(Delta::ToolCall { call, name, .. }) => {
                calls.insert(call, (name, String::new(), false));
            }
            Ok(Delta::ToolArgs { call, json }) => calls.get_mut(&call).unwrap().1.push_str(&json),
            Ok(Delta::ToolCallEnd { call }) => calls.get_mut(&call).unwrap().2 = true,
            Ok(Delta::Usage(usage)) => {
                tokens = json!({
                    "input": usage.input_tokens,
                    "output": usage.output_tokens,
                    "cached": usage.cached_input_tokens,
                    "cache_written": usage.cache_write_input_tokens,
                    "reasoning": usage.reasoning_tokens,
                });
            }
            Ok(Delta::End(reason)) => end = reason_name(reason),
            Ok(_) => {}
            Err(_) => end = "error",
        }
    }
    // A call that a limit truncates is not executed.
    let executed = calls.into_values().filter(|(.., is_complete)| *is_complete || end == "complete");
    let calls: Vec<Value> = executed.map(|(name, arguments, _)| json!([name, arguments])).collect();
    Outline::new(json!({
        "text": text,
        "reasoning": reasoning,
        "calls": calls,
        "tokens": tokens,
        "end": end,
    }))
}

/// Returns the name of a finish reason that both readers share.
fn reason_name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Complete => "complete",
        StopReason::MaxTokens => "max tokens",
        StopReason::Filtered => "filtered",
        other => panic!("{other:?} has no word"),
    }
}

/// Returns the request that the stream answers.
fn request() -> Request {
    let kind = PartKind::Text { text: "hi".to_owned() };
    Request {
        instructions: None,
        history: vec![Turn::User(vec![UserPart::Content(ContentPart { kind, id: None, metadata: None })])],
        tools: [].into(),
        settings: ModelSettings::default(),
    }
}
