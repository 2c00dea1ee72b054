//! One turn of each wire, with reasoning where it has it, text, two calls and the tokens.

use super::stub::StubResponse;
use super::*;
use insta::assert_snapshot;

/// Returns the frames of a complete turn of OpenAI's chat completions.
pub(super) fn chat_frames() -> Vec<String> {
    let chunk = |delta: Value, finish: Value| json!({ "id": "c", "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }], "usage": null });
    let call = |call: Value| chunk(json!({ "tool_calls": [call] }), Value::Null);
    let mut frames = sse(&[
        chunk(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null),
        chunk(json!({ "reasoning_content": "Two cities." }), Value::Null),
        chunk(json!({ "content": "Let me " }), Value::Null),
        chunk(json!({ "content": "look." }), Value::Null),
        call(
            json!({ "index": 0, "id": "call_1", "type": "function", "function": { "name": "get_weather", "arguments": "" } }),
        ),
        call(json!({ "index": 0, "function": { "arguments": "{\"location\":" } })),
        call(json!({ "index": 0, "function": { "arguments": "\"Tokyo\"}" } })),
        call(
            json!({ "index": 1, "id": "call_2", "type": "function", "function": { "name": "get_weather", "arguments": "" } }),
        ),
        call(json!({ "index": 1, "function": { "arguments": "{\"location\":\"Paris\"}" } })),
        chunk(json!({}), json!("tool_calls")),
        json!({ "id": "c", "choices": [], "usage": { "prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70, "prompt_tokens_details": { "cached_tokens": 32 }, "completion_tokens_details": { "reasoning_tokens": 5 } } }),
    ]);
    frames.push("data: [DONE]\n\n".into());
    frames
}

/// Returns the frames of a complete turn of OpenAI's Responses API.
pub(super) fn responses_frames() -> Vec<String> {
    let args = |index: usize, delta: &str| json!({ "type": "response.function_call_arguments.delta", "output_index": index, "item_id": "fc", "delta": delta });
    let call = |index: usize, kind: &str, args: &str| json!({ "type": kind, "output_index": index, "item": { "type": "function_call", "id": format!("fc_{index}"), "call_id": format!("call_{index}"), "name": "get_weather", "arguments": args } });
    let reasoning = |kind: &str, sealed: Value| json!({ "type": kind, "output_index": 0, "item": { "type": "reasoning", "id": "rs_1", "encrypted_content": sealed, "summary": [] } });
    named_sse(&[
        json!({ "type": "response.created", "response": { "id": "resp_1", "status": "in_progress" } }),
        reasoning("response.output_item.added", Value::Null),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "Two cities." }),
        reasoning("response.output_item.done", json!("c2VhbGVk")),
        json!({ "type": "response.output_item.added", "output_index": 1, "item": { "type": "message", "role": "assistant", "content": [] } }),
        json!({ "type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Let me look." }),
        json!({ "type": "response.output_item.done", "output_index": 1, "item": { "type": "message", "role": "assistant", "content": [] } }),
        call(2, "response.output_item.added", ""),
        args(2, "{\"location\":"),
        args(2, "\"Tokyo\"}"),
        call(2, "response.output_item.done", "{\"location\":\"Tokyo\"}"),
        call(3, "response.output_item.added", ""),
        call(3, "response.output_item.done", "{\"location\":\"Paris\"}"),
        json!({ "type": "response.completed", "response": { "id": "resp_1", "status": "completed", "model": "gpt-5", "output": [], "usage": { "input_tokens": 50, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 20, "output_tokens_details": { "reasoning_tokens": 5 }, "total_tokens": 70 } } }),
    ])
}

/// Returns the frames of a complete turn of Anthropic's Messages API.
pub(super) fn anthropic_frames() -> Vec<String> {
    let start = |index: usize, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
    let delta =
        |index: usize, delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
    let stop = |index: usize| json!({ "type": "content_block_stop", "index": index });
    named_sse(&[
        json!({ "type": "message_start", "message": { "id": "m", "role": "assistant", "content": [], "usage": { "input_tokens": 10, "cache_creation_input_tokens": 8, "cache_read_input_tokens": 32, "output_tokens": 1 } } }),
        start(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        json!({ "type": "ping" }),
        delta(0, json!({ "type": "thinking_delta", "thinking": "Two cities." })),
        delta(0, json!({ "type": "signature_delta", "signature": "c2ln" })),
        delta(0, json!({ "type": "signature_delta", "signature": "bmVk" })),
        stop(0),
        start(1, json!({ "type": "redacted_thinking", "data": "cmVk" })),
        stop(1),
        start(2, json!({ "type": "text", "text": "" })),
        delta(2, json!({ "type": "text_delta", "text": "Let me look." })),
        stop(2),
        start(3, json!({ "type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {} })),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "" })),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "{\"location\":" })),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "\"Tokyo\"}" })),
        stop(3),
        start(4, json!({ "type": "tool_use", "id": "toolu_2", "name": "get_weather", "input": {} })),
        delta(4, json!({ "type": "input_json_delta", "partial_json": "{\"location\":\"Paris\"}" })),
        stop(4),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null }, "usage": { "output_tokens": 20 } }),
        json!({ "type": "message_stop" }),
    ])
}

/// Returns the frames of a complete turn of Gemini.
pub(super) fn gemini_frames() -> Vec<String> {
    let chunk = |parts: Value| json!({ "candidates": [{ "content": { "role": "model", "parts": parts }, "index": 0 }], "usageMetadata": { "promptTokenCount": 50 }, "modelVersion": "gemini-3-pro" });
    let call =
        |city: &str| json!({ "functionCall": { "name": "get_weather", "args": { "location": city } } });
    let mut signed = call("Tokyo");
    signed["thoughtSignature"] = json!("Y2FsbA==");
    sse(&[
        chunk(json!([{ "text": "Two cities.", "thought": true }])),
        chunk(json!([{ "text": "Let me look.", "thoughtSignature": "dGV4dA==" }])),
        chunk(json!([signed, call("Paris")])),
        json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": "" }] }, "finishReason": "STOP" }], "usageMetadata": { "promptTokenCount": 50, "candidatesTokenCount": 15, "thoughtsTokenCount": 5, "totalTokenCount": 70, "cachedContentTokenCount": 0 } }),
    ])
}

/// Returns the frames of a complete turn of Ollama.
pub(super) fn ollama_frames() -> Vec<String> {
    let line =
        |message: Value| format!("{}\n", json!({ "model": "qwen3", "message": message, "done": false }));
    let call =
        |city: &str| json!({ "function": { "name": "get_weather", "arguments": { "location": city } } });
    vec![
        line(json!({ "role": "assistant", "content": "", "thinking": "Two cities." })),
        line(json!({ "role": "assistant", "content": "Let me look." })),
        line(json!({ "role": "assistant", "content": "", "tool_calls": [call("Tokyo"), call("Paris")] })),
        format!(
            "{}\n",
            json!({ "model": "qwen3", "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop", "prompt_eval_count": 50, "prompt_eval_cached_count": 30, "eval_count": 20 })
        ),
    ]
}

/// Returns the outline of a turn with these frames.
pub(super) async fn outline_of(adapter: &str, frames: Vec<String>) -> String {
    let stub = Stub::with_responses([StubResponse::stream(frames)]);
    let model = model(adapter, "a-model", &stub);
    outline(&all(&model, &request()).await)
}

/// Replaces the generated ids in an outline by `<id>`.
pub(super) fn without_ids(outline: &str) -> String {
    let line = |line: &str| match line.split_once("id: \"") {
        Some((head, rest)) => format!("{head}id: <id>{}", rest.split_once('"').unwrap().1),
        None => line.to_owned(),
    };
    outline.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn openai_chat() {
    assert_snapshot!(outline_of("openai", chat_frames()).await, @r#"
    Reasoning("Two cities.")
    ReasoningEnd
    Text("Let me ")
    Text("look.")
    ToolCall { call: 0, id: "call_1", name: "get_weather" }
    ToolArgs { call: 0, json: "{\"location\":" }
    ToolArgs { call: 0, json: "\"Tokyo\"}" }
    ToolCall { call: 1, id: "call_2", name: "get_weather" }
    ToolArgs { call: 1, json: "{\"location\":\"Paris\"}" }
    ToolCallEnd { call: 0 }
    ToolCallEnd { call: 1 }
    Usage {"cachedInputTokens":32,"inputTokens":50,"model":"a-model","outputTokens":20,"provider":"openai","reasoningTokens":5,"totalTokens":70}
    End(Complete)
    "#);
}

#[tokio::test]
async fn openai_responses() {
    assert_snapshot!(outline_of("openai-responses", responses_frames()).await, @r#"
    Reasoning("Two cities.")
    ReasoningSignature("c2VhbGVk")
    Text("Let me look.")
    ToolCall { call: 0, id: "call_2", name: "get_weather" }
    ToolArgs { call: 0, json: "{\"location\":" }
    ToolArgs { call: 0, json: "\"Tokyo\"}" }
    ToolCallEnd { call: 0 }
    ToolCall { call: 1, id: "call_3", name: "get_weather" }
    ToolArgs { call: 1, json: "{\"location\":\"Paris\"}" }
    ToolCallEnd { call: 1 }
    Usage {"inputTokens":50,"model":"a-model","outputTokens":20,"provider":"openai-responses","reasoningTokens":5,"totalTokens":70}
    End(Complete)
    "#);
}

#[tokio::test]
async fn anthropic_messages() {
    assert_snapshot!(outline_of("anthropic", anthropic_frames()).await, @r#"
    Reasoning("Two cities.")
    ReasoningSignature("c2lnbmVk")
    RedactedReasoning("cmVk")
    Text("Let me look.")
    ToolCall { call: 0, id: "toolu_1", name: "get_weather" }
    ToolArgs { call: 0, json: "{\"location\":" }
    ToolArgs { call: 0, json: "\"Tokyo\"}" }
    ToolCallEnd { call: 0 }
    ToolCall { call: 1, id: "toolu_2", name: "get_weather" }
    ToolArgs { call: 1, json: "{\"location\":\"Paris\"}" }
    ToolCallEnd { call: 1 }
    Usage {"cacheWriteInputTokens":8,"cachedInputTokens":32,"inputTokens":50,"model":"a-model","outputTokens":20,"provider":"anthropic","totalTokens":70}
    End(Complete)
    "#);
}

#[tokio::test]
async fn gemini_generate_content() {
    assert_snapshot!(without_ids(&outline_of("gemini", gemini_frames()).await), @r#"
    Reasoning("Two cities.")
    Text("Let me look.")
    ToolCall { call: 0, id: <id>, name: "get_weather" }
    ToolCallSignature { call: 0, signature: "Y2FsbA==" }
    ToolArgs { call: 0, json: "{\"location\":\"Tokyo\"}" }
    ToolCallEnd { call: 0 }
    ToolCall { call: 1, id: <id>, name: "get_weather" }
    ToolArgs { call: 1, json: "{\"location\":\"Paris\"}" }
    ToolCallEnd { call: 1 }
    TurnSignature("dGV4dA==")
    Usage {"inputTokens":50,"model":"a-model","outputTokens":20,"provider":"gemini","reasoningTokens":5,"totalTokens":70}
    End(Complete)
    "#);
}

#[tokio::test]
async fn ollama_chat() {
    assert_snapshot!(without_ids(&outline_of("ollama", ollama_frames()).await), @r#"
    Reasoning("Two cities.")
    ReasoningEnd
    Text("Let me look.")
    ToolCall { call: 0, id: <id>, name: "get_weather" }
    ToolArgs { call: 0, json: "{\"location\":\"Tokyo\"}" }
    ToolCallEnd { call: 0 }
    ToolCall { call: 1, id: <id>, name: "get_weather" }
    ToolArgs { call: 1, json: "{\"location\":\"Paris\"}" }
    ToolCallEnd { call: 1 }
    Usage {"cachedInputTokens":30,"inputTokens":50,"model":"a-model","outputTokens":20,"provider":"ollama","totalTokens":70}
    End(Complete)
    "#);
}

#[tokio::test]
async fn a_turn_is_read_in_any_pieces() {
    for (adapter, frames) in [
        ("openai", chat_frames()),
        ("openai-responses", responses_frames()),
        ("anthropic", anthropic_frames()),
        ("gemini", gemini_frames()),
        ("ollama", ollama_frames()),
    ] {
        let turn = async |frames| without_ids(&outline_of(adapter, frames).await);
        let expected = turn(frames.clone()).await;
        for text in [frames.concat(), frames.concat().replace('\n', "\r\n")] {
            for size in [1, 7, text.len()] {
                let pieces =
                    text.as_bytes().chunks(size).map(|piece| String::from_utf8_lossy(piece).into_owned());
                assert_eq!(turn(pieces.collect()).await, expected, "{adapter} {size}");
            }
        }
    }
}
