//! Characters that a provider cuts in two halves, each in a delta of its own.

use super::stub::StubResponse;
use super::*;

/// The texts of a turn: one of each kind.
#[derive(Debug, Default, PartialEq)]
struct Texts {
    text: String,
    reasoning: String,
    arguments: String,
}

/// Returns the texts of a turn that consists of these frames.
async fn texts_of_turn(adapter: &str, frames: &[&str]) -> Texts {
    let (before, after) = if adapter == "ollama" { ("", "\n") } else { ("data: ", "\n\n") };
    let frames = frames.iter().map(|frame| format!("{before}{frame}{after}")).collect();
    let stub = Stub::with_responses([StubResponse::stream(frames)]);
    let model = model(adapter, "m", &stub).idle_timeout(Duration::from_millis(500));
    let deltas = all(&model, &request()).await;
    let mut texts = Texts::default();
    for delta in &deltas {
        match delta {
            Ok(Delta::Text(text)) => texts.text.push_str(text),
            Ok(Delta::Reasoning(text)) => texts.reasoning.push_str(text),
            Ok(Delta::ToolArgs { json, .. }) => texts.arguments.push_str(json),
            Ok(_) => {}
            Err(_) => panic!("{adapter}: {}", outline(&deltas)),
        }
        assert!(!matches!(delta, Ok(Delta::Text(text)) if text.is_empty()), "a delta says something");
    }
    texts
}

/// Returns the expected texts of a turn.
fn expected_texts(text: &str, reasoning: &str, arguments: &str) -> Texts {
    Texts { text: text.into(), reasoning: reasoning.into(), arguments: arguments.into() }
}

#[tokio::test]
async fn a_first_half_waits_for_the_second() {
    let chat = [
        r#"{"choices":[{"delta":{"reasoning_content":"a\ud83d"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"\ude00b"}}]}"#,
        r#"{"choices":[{"delta":{"content":"Nice \ud83d"}}]}"#,
        r#"{"choices":[{"delta":{"content":"\ude00 day\ud83d"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"get_weather","arguments":"{\"x\":\"\ud83d"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\ude00\"}"}}]}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}],"note":"\ud83d"}"#,
        "[DONE]",
    ];
    let responses = [
        r#"{"type":"response.reasoning_text.delta","delta":"a\ud83d"}"#,
        r#"{"type":"response.reasoning_text.delta","delta":"\ude00b"}"#,
        r#"{"type":"response.output_text.delta","delta":"Nice \ud83d"}"#,
        r#"{"type":"response.output_text.delta","delta":"\ude00 day\ud83d"}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"i","call_id":"c","name":"get_weather","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"i","delta":"{\"x\":\"\ud83d"}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"i","delta":"\ude00\"}"}"#,
        r#"{"type":"response.function_call_arguments.done","output_index":1,"item_id":"i","arguments":"{\"x\":\"\ud83d\ude00\"}"}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[]}}"#,
    ];
    let anthropic = [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a\ud83d"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\ude00b"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Nice \ud83d"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"\ude00 day\ud83d"}}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c","name":"get_weather","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\":\"\ud83d"}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\ude00\"}"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let gemini = [
        r#"{"candidates":[{"content":{"parts":[{"text":"a\ud83d","thought":true}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"\ude00b","thought":true}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"Nice \ud83d"}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"\ude00 day\ud83d"}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c","name":"get_weather","args":{"x":"\ud83d\ude00"}}}]},"finishReason":"STOP"}]}"#,
    ];
    let ollama = [
        r#"{"message":{"thinking":"a\ud83d"}}"#,
        r#"{"message":{"thinking":"\ude00b"}}"#,
        r#"{"message":{"content":"Nice \ud83d"}}"#,
        r#"{"message":{"content":"\ude00 day\ud83d"}}"#,
        r#"{"message":{"tool_calls":[{"function":{"name":"get_weather","arguments":{"x":"\ud83d\ude00"}}}]}}"#,
        r#"{"message":{"content":""},"done":true,"done_reason":"stop"}"#,
    ];
    for (adapter, frames) in [
        ("openai", &chat[..]),
        ("openai-responses", &responses),
        ("anthropic", &anthropic),
        ("gemini", &gemini),
        ("ollama", &ollama),
    ] {
        let texts = texts_of_turn(adapter, frames).await;
        assert_eq!(texts, expected_texts("Nice 😀 day\u{fffd}", "a😀b", "{\"x\":\"😀\"}"), "{adapter}");
    }
}

#[tokio::test]
async fn a_lone_half_becomes_the_replacement_character() {
    for (adapter, frames) in [
        (
            "openai",
            &[r#"{"choices":[{"delta":{"content":"Hi \ud83d"},"finish_reason":"stop"}]}"#, "[DONE]"][..],
        ),
        (
            "openai-responses",
            &[
                r#"{"type":"response.output_text.delta","delta":"Hi \ud83d"}"#,
                r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Hi \ud83d"}]}]}}"#,
            ],
        ),
        (
            "anthropic",
            &[
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi \ud83d"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        ),
        (
            "gemini",
            &[r#"{"candidates":[{"content":{"parts":[{"text":"Hi \ud83d"}]},"finishReason":"STOP"}]}"#],
        ),
        ("ollama", &[r#"{"message":{"content":"Hi \ud83d"},"done":true,"done_reason":"stop"}"#]),
    ] {
        assert_eq!(texts_of_turn(adapter, frames).await, expected_texts("Hi \u{fffd}", "", ""), "{adapter}");
    }
}

#[tokio::test]
async fn half_a_pair_in_an_error_body_is_replaced() {
    let body = "\u{feff}{\"error\":{\"message\":\"no \\ud83d\",\"code\":\"context_length_exceeded\"}}";
    let stub = Stub::with_responses([StubResponse::status(400, "", body)]);
    let deltas = all(&model("openai", "m", &stub), &request()).await;
    let line = outline(&deltas);
    assert!(line.contains("ContextTooLong") && line.contains("no \u{fffd}"), "{line}");
}

#[tokio::test]
async fn arguments_in_the_history_are_sent_without_half_pairs() {
    for adapter in ["openai", "openai-responses", "anthropic", "gemini", "ollama"] {
        let stub = Stub::with_responses([]);
        let mut request = request();
        let call = Call {
            id: "c1".into(),
            name: "get_weather".into(),
            arguments: r#"{"location":"Paris \ud83d"}"#.into(),
            signature: None,
        };
        let result = CallResult { id: "c1".into(), content: "sun".into() };
        request.history.push(Turn::Assistant {
            reasoning: Vec::new(),
            text: String::new(),
            calls: vec![call],
        });
        request.history.push(Turn::Results(vec![result]));
        all(&model(adapter, "m", &stub), &request).await;
        let sent = stub.requests()[0].body.to_string();
        assert!(sent.contains("Paris ") && !sent.contains("invalid_json"), "{adapter} {sent}");
        assert!(sent.contains('\u{fffd}') || sent.contains(r"\\ufffd"), "{adapter} {sent}");
    }
}
