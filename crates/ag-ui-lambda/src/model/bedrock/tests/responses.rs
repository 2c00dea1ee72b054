//! From events to deltas.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::Message;
use serde_json::json;

use super::server::{End, event};
use super::{CLAUDE, deltas_of, short_response, stop_event, text_event, usage_event};
use crate::model::{Delta, ModelErrorKind, StopReason};
use crate::protocol::TokenUsage;

/// Returns the frame of a delta of the block with this index.
fn delta_event(index: usize, delta: serde_json::Value) -> Vec<u8> {
    event("contentBlockDelta", &json!({ "contentBlockIndex": index, "delta": delta }))
}

/// Returns the frame of a piece of reasoning.
fn reasoning_event(index: usize, content: serde_json::Value) -> Vec<u8> {
    delta_event(index, json!({ "reasoningContent": content }))
}

/// Returns the frame that starts a call.
fn call_event(index: usize, id: &str) -> Vec<u8> {
    let start = json!({ "toolUse": { "toolUseId": id, "name": "get_weather" } });
    event("contentBlockStart", &json!({ "contentBlockIndex": index, "start": start }))
}

/// Returns the frame of a piece of a call's arguments.
fn arguments_event(index: usize, json: &str) -> Vec<u8> {
    delta_event(index, json!({ "toolUse": { "input": json } }))
}

/// Returns the frame that ends a block.
fn block_end_event(index: usize) -> Vec<u8> {
    event("contentBlockStop", &json!({ "contentBlockIndex": index }))
}

/// Returns the expected delta for the start of a call.
fn call_delta(call: usize, id: &str) -> Delta {
    Delta::ToolCall { call, id: id.into(), name: "get_weather".into() }
}

/// Returns the expected delta for a piece of a call's arguments.
fn arguments_delta(call: usize, json: &str) -> Delta {
    Delta::ToolArgs { call, json: json.into() }
}

#[tokio::test]
async fn a_full_turn_is_streamed_in_order() {
    let response = [
        event("messageStart", &json!({ "role": "assistant" })),
        reasoning_event(0, json!({ "text": "Two " })),
        reasoning_event(0, json!({ "text": "cities." })),
        reasoning_event(0, json!({ "signature": "c2ln" })),
        reasoning_event(0, json!({ "signature": "bmVk" })),
        block_end_event(0),
        delta_event(1, json!({ "text": "I look." })),
        block_end_event(1),
        call_event(2, "tooluse_a"),
        arguments_event(2, ""),
        arguments_event(2, r#"{"city":"#),
        call_event(3, "tooluse_b"),
        arguments_event(3, r#"{"city":"Paris"}"#),
        arguments_event(2, r#""Tokyo"}"#),
        block_end_event(2),
        block_end_event(3),
        event("somethingNew", &json!({ "a": 1 })),
        stop_event("tool_use"),
        usage_event(&json!({
            "inputTokens": 100, "outputTokens": 20, "totalTokens": 1120,
            "cacheReadInputTokens": 900, "cacheWriteInputTokens": 100,
        })),
    ];

    let (deltas, error) = deltas_of(response.concat(), End::Complete).await;

    let usage = TokenUsage {
        provider: Some("bedrock".into()),
        model: Some(CLAUDE.into()),
        input_tokens: Some(1100),
        output_tokens: Some(20),
        total_tokens: Some(1120),
        cached_input_tokens: Some(900),
        cache_write_input_tokens: Some(100),
        ..TokenUsage::default()
    };
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        deltas,
        [
            Delta::Reasoning("Two ".into()),
            Delta::Reasoning("cities.".into()),
            Delta::ReasoningSignature("c2lnbmVk".into()),
            Delta::Text("I look.".into()),
            call_delta(0, "tooluse_a"),
            arguments_delta(0, r#"{"city":"#),
            call_delta(1, "tooluse_b"),
            arguments_delta(1, r#"{"city":"Paris"}"#),
            arguments_delta(0, r#""Tokyo"}"#),
            Delta::ToolCallEnd { call: 0 },
            Delta::ToolCallEnd { call: 1 },
            Delta::Usage(usage),
            Delta::End(StopReason::Complete),
        ]
    );
}

#[tokio::test]
async fn redacted_reasoning_is_sent_at_the_block_end() {
    let response = [
        reasoning_event(0, json!({ "redactedContent": "AAEC" })),
        reasoning_event(0, json!({ "redactedContent": "Aw==" })),
        block_end_event(0),
        text_event("Well."),
        stop_event("end_turn"),
    ];

    let (deltas, _) = deltas_of(response.concat(), End::Complete).await;

    assert_eq!(
        deltas,
        [
            Delta::RedactedReasoning("AAECAw==".into()),
            Delta::Text("Well.".into()),
            Delta::End(StopReason::Complete),
        ]
    );
}

#[tokio::test]
async fn stop_reasons_decide_how_the_turn_ends() {
    for (word, expected) in [
        ("end_turn", StopReason::Complete),
        ("tool_use", StopReason::Complete),
        ("stop_sequence", StopReason::Complete),
        ("max_tokens", StopReason::MaxTokens),
        ("model_context_window_exceeded", StopReason::MaxTokens),
        ("guardrail_intervened", StopReason::Filtered),
        ("content_filtered", StopReason::Filtered),
        ("a_word_of_tomorrow", StopReason::Complete),
    ] {
        let (deltas, error) = deltas_of([text_event("Hi"), stop_event(word)].concat(), End::Complete).await;

        assert_eq!(deltas, [Delta::Text("Hi".into()), Delta::End(expected)], "{word}");
        assert!(error.is_none(), "{word}");
    }
    for word in ["malformed_model_output", "malformed_tool_use"] {
        let usage = usage_event(&json!({ "inputTokens": 3, "outputTokens": 1, "totalTokens": 4 }));
        let (deltas, error) = deltas_of([stop_event(word), usage].concat(), End::Complete).await;

        assert!(matches!(deltas[..], [Delta::Usage(_)]), "its tokens were used: {deltas:?}");
        assert_eq!(error.unwrap().kind, ModelErrorKind::StreamCut, "{word}");
    }
}

#[tokio::test]
async fn a_call_cut_by_the_token_limit_is_not_ended() {
    for (json, reason, is_made) in [
        (r#"{"city":"Tok"#, "max_tokens", false),
        (r#"{"city":"Tok"#, "model_context_window_exceeded", false),
        ("", "max_tokens", false),
        (r#"{"city":"Tokyo"}"#, "max_tokens", true),
        ("", "tool_use", true),
        (r#"{"city":"Tok"#, "tool_use", true),
    ] {
        let response = [call_event(0, "a"), arguments_event(0, json), block_end_event(0), stop_event(reason)];

        let (deltas, _) = deltas_of(response.concat(), End::Complete).await;

        assert_eq!(deltas.contains(&Delta::ToolCallEnd { call: 0 }), is_made, "{json} {reason}");
    }
}

#[tokio::test]
async fn a_missing_token_count_is_unknown() {
    for (usage, input, output, total, cached) in [
        (json!({}), None, None, None, None),
        (json!({ "inputTokens": 3 }), Some(3), None, None, None),
        (json!({ "inputTokens": 3, "outputTokens": 1, "totalTokens": 9 }), Some(3), Some(1), Some(4), None),
        (json!({ "inputTokens": 3, "cacheReadInputTokens": 0 }), Some(3), None, None, Some(0)),
    ] {
        let (deltas, _) =
            deltas_of([stop_event("end_turn"), usage_event(&usage)].concat(), End::Complete).await;

        let Delta::Usage(counted) = &deltas[0] else { panic!("{deltas:?}") };
        let counts = (counted.input_tokens, counted.output_tokens, counted.total_tokens);
        assert_eq!(counts, (input, output, total), "{usage}");
        assert_eq!(counted.cached_input_tokens, cached, "{usage}");
        assert_eq!(counted.cache_write_input_tokens, None, "{usage}");
    }
}

#[tokio::test]
async fn a_turn_is_complete_after_message_stop() {
    let garbage = [stop_event("end_turn"), b"no frame at all, but long enough to be one".to_vec()].concat();
    for (why, bytes, end) in [
        ("no metadata", stop_event("end_turn"), End::Complete),
        ("dropped before the metadata", stop_event("end_turn"), End::Dropped),
        ("garbage after the stop", garbage, End::Complete),
        ("dropped after the metadata", short_response(), End::Dropped),
    ] {
        let (deltas, error) = deltas_of(bytes, end).await;

        assert_eq!(deltas.last(), Some(&Delta::End(StopReason::Complete)), "{why}");
        assert!(error.is_none(), "{why}: {error:?}");
    }
}

#[tokio::test]
async fn characters_cut_by_deltas_are_joined_or_replaced() {
    let half = |bytes: Vec<u8>, halves: &str| with_payload(&bytes, |payload| payload.replace("HALF", halves));
    let response = [
        half(reasoning_event(0, json!({ "text": "aHALF" })), r"\ud83d"),
        half(reasoning_event(0, json!({ "text": "HALFb" })), r"\ude00"),
        half(reasoning_event(0, json!({ "text": "HALF" })), r"\ud83d"),
        block_end_event(0),
        half(delta_event(1, json!({ "text": "Nice HALF" })), r"\ud83d"),
        half(delta_event(1, json!({ "text": "HALF day" })), r"\ude00"),
        half(delta_event(1, json!({ "text": "HALF, and alone" })), r"\ud83d"),
        half(delta_event(1, json!({ "text": "HALF" })), r"\ud83d"),
        block_end_event(1),
        call_event(2, "a"),
        half(arguments_event(2, "{\"city\":\"HALF"), r"\ud83d"),
        half(arguments_event(2, "HALF\"}"), r"\ude00"),
        block_end_event(2),
        stop_event("tool_use"),
    ];
    let (deltas, error) = deltas_of(response.concat(), End::Complete).await;
    assert!(error.is_none(), "{error:?}");
    let mut texts = [String::new(), String::new(), String::new()];
    for delta in deltas {
        match delta {
            Delta::Text(text) => texts[0].push_str(&text),
            Delta::Reasoning(text) => texts[1].push_str(&text),
            Delta::ToolArgs { json, .. } => texts[2].push_str(&json),
            _ => {}
        }
    }
    assert_eq!(texts, ["Nice 😀 day\u{fffd}, and alone\u{fffd}", "a😀b\u{fffd}", "{\"city\":\"😀\"}"]);
}

/// The same event with another payload.
fn with_payload(bytes: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let message = read_message_from(&mut &*bytes).unwrap();
    let payload = change(std::str::from_utf8(message.payload()).unwrap());
    let mut written = Vec::new();
    let changed = Message::new_from_parts(message.headers().to_vec(), payload.into_bytes());
    write_message_to(&changed, &mut written).unwrap();
    written
}
