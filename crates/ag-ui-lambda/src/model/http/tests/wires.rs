//! One turn of each wire, with reasoning where it has it, text, two calls and the tokens.

use super::stub::StubResponse;
use super::*;
use insta::assert_snapshot;

pub(super) fn chat() -> Vec<String> {
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

pub(super) fn responses() -> Vec<String> {
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

pub(super) fn anthropic() -> Vec<String> {
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

pub(super) fn gemini() -> Vec<String> {
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

pub(super) fn ollama() -> Vec<String> {
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

async fn outline_of(adapter: &str, frames: Vec<String>) -> String {
    let stub = Stub::with_responses([StubResponse::stream(frames)]);
    let model = model(adapter, "a-model", &stub);
    outline(&all(&model, &request()).await)
}

/// An outline with the ids that are made here as `<id>`.
fn without_ids(outline: &str) -> String {
    let line = |line: &str| match line.split_once("id: \"") {
        Some((head, rest)) => format!("{head}id: <id>{}", rest.split_once('"').unwrap().1),
        None => line.to_owned(),
    };
    outline.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn openai_chat() {
    assert_snapshot!(outline_of("openai", chat()).await, @r#"
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
    assert_snapshot!(outline_of("openai-responses", responses()).await, @r#"
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
    assert_snapshot!(outline_of("anthropic", anthropic()).await, @r#"
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
    assert_snapshot!(without_ids(&outline_of("gemini", gemini()).await), @r#"
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
    assert_snapshot!(without_ids(&outline_of("ollama", ollama()).await), @r#"
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
        ("openai", chat()),
        ("openai-responses", responses()),
        ("anthropic", anthropic()),
        ("gemini", gemini()),
        ("ollama", ollama()),
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

#[tokio::test]
async fn input_in_the_start_of_a_call_is_kept() {
    let block =
        json!({ "type": "tool_use", "id": "c", "name": "get_weather", "input": { "location": "Tokyo" } });
    let frames = named_sse(&[
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" } }),
        json!({ "type": "message_stop" }),
    ]);

    assert_snapshot!(outline_of("anthropic", frames).await, @r#"
    ToolCall { call: 0, id: "c", name: "get_weather" }
    ToolArgs { call: 0, json: "{\"location\":\"Tokyo\"}" }
    ToolCallEnd { call: 0 }
    End(Complete)
    "#);
}

#[tokio::test]
async fn mistrals_reasoning_chunks_are_read() {
    let chunk = |content: Value, finish: Value| json!({ "choices": [{ "delta": { "content": content }, "finish_reason": finish }] });
    let thought = json!([{ "type": "thinking", "thinking": [{ "type": "text", "text": "Hm." }] }]);
    let mut frames = sse(&[
        chunk(thought, Value::Null),
        chunk(json!([{ "type": "text", "text": "Fine " }]), Value::Null),
        chunk(json!("there."), json!("stop")),
    ]);
    frames.push("data: [DONE]\n\n".into());

    assert_snapshot!(outline_of("mistral", frames).await, @r#"
    Reasoning("Hm.")
    ReasoningEnd
    Text("Fine ")
    Text("there.")
    End(Complete)
    "#);
}

#[tokio::test]
async fn reasoning_tokens_are_part_of_the_output() {
    let counted = |output: u64, total: u64| {
        let details = json!({ "reasoning_tokens": 30 });
        let usage = json!({ "prompt_tokens": 10, "completion_tokens": output, "total_tokens": total, "completion_tokens_details": details });
        let mut frames = sse(&[
            json!({ "choices": [{ "delta": { "content": "Hi" }, "finish_reason": "stop" }] }),
            json!({ "choices": [], "usage": usage }),
        ]);
        frames.push("data: [DONE]\n\n".into());
        frames
    };
    for (output, total) in [(35, 45), (5, 45)] {
        let outline = outline_of("xai", counted(output, total)).await;
        assert!(outline.contains("\"outputTokens\":35"), "{outline}");
    }
}

#[tokio::test]
async fn two_gemini_turns_never_share_a_call_id() {
    let stub = Stub::with_responses([StubResponse::stream(gemini()), StubResponse::stream(gemini())]);
    let model = model("gemini", "gemini-2.5-pro", &stub);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let deltas = all(&model, &request()).await;
        ids.extend(deltas.into_iter().filter_map(|delta| match delta {
            Ok(Delta::ToolCall { id, .. }) => Some(id),
            _ => None,
        }));
    }

    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

/// The calls of a chat turn whose chunks hold these `tool_calls`.
async fn outline_of_calls(pieces: &[Value]) -> String {
    let mut frames = sse(&pieces
        .iter()
        .map(|piece| json!({ "choices": [{ "delta": { "tool_calls": piece } }] }))
        .collect::<Vec<_>>());
    frames.extend(sse(&[json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] })]));
    frames.push("data: [DONE]\n\n".into());
    without_ids(&outline_of("openai", frames).await)
}

#[tokio::test]
async fn calls_are_assembled_for_any_numbering() {
    let call = |call: Value, args: &str| {
        let mut call = call;
        call["function"]["arguments"] = args.into();
        call
    };
    let two = outline_of_calls(&[
        json!([call(json!({ "index": 0, "id": "a", "function": { "name": "f" } }), "{\"x\":")]),
        json!([call(json!({ "index": 0 }), "1}")]),
        json!([call(json!({ "index": 1, "id": "b", "function": { "name": "f" } }), "{}")]),
    ])
    .await;
    assert!(two.contains("ToolArgs { call: 1, json: \"{}\" }"), "{two}");

    for (why, pieces) in [
        (
            "no index",
            vec![
                json!([call(json!({ "id": "a", "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({}), "1}")]),
                json!([call(json!({ "id": "b", "function": { "name": "f" } }), "{}")]),
            ],
        ),
        (
            "index 0 for each",
            vec![
                json!([call(json!({ "index": 0, "id": "a", "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({ "index": 0 }), "1}")]),
                json!([call(json!({ "index": 0, "id": "b", "function": { "name": "f" } }), "{}")]),
            ],
        ),
        (
            "name and id in every piece, no type",
            vec![
                json!([call(json!({ "index": 0, "id": "a", "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({ "index": 0, "id": "a", "function": { "name": "f" } }), "1}")]),
                json!([call(json!({ "index": 1, "id": "b", "function": { "name": "f" } }), "{}")]),
            ],
        ),
        (
            "a begin without index",
            vec![
                json!([call(json!({ "id": "a", "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({ "index": 0 }), "1}")]),
                json!([call(json!({ "id": "b", "function": { "name": "f" } }), "")]),
                json!([call(json!({ "index": 1 }), "{}")]),
            ],
        ),
        (
            "the name behind the id",
            vec![
                json!([call(json!({ "index": 0, "id": "a", "function": {} }), "")]),
                json!([call(json!({ "index": 0, "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({ "index": 0 }), "1}")]),
                json!([call(json!({ "index": 1, "id": "b", "function": { "name": "f" } }), "{}")]),
            ],
        ),
        (
            "index 0 for each, and no ids",
            vec![
                json!([call(json!({ "index": 0, "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({ "index": 0 }), "1}")]),
                json!([call(json!({ "index": 0, "function": { "name": "f" } }), "{}")]),
            ],
        ),
        (
            "no ids, and a gap",
            vec![
                json!([call(json!({ "index": 1, "id": "", "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({ "index": 1 }), "1}")]),
                json!([call(json!({ "index": 3, "id": "", "function": { "name": "f" } }), "{}")]),
            ],
        ),
    ] {
        assert_eq!(outline_of_calls(&pieces).await, two, "{why}");
    }
}

#[tokio::test]
async fn interleaved_calls_are_separated_by_id() {
    let piece = |id: &str, args: &str| json!([{ "id": id, "function": { "arguments": args } }]);
    let begin = |id: &str| json!([{ "id": id, "function": { "name": "f", "arguments": "" } }]);
    let outline = outline_of_calls(&[begin("a"), begin("b"), piece("a", "{\"x\":1}"), piece("b", "{\"x\":2}")]).await;

    assert_snapshot!(outline, @r#"
    ToolCall { call: 0, id: <id>, name: "f" }
    ToolCall { call: 1, id: <id>, name: "f" }
    ToolArgs { call: 0, json: "{\"x\":1}" }
    ToolArgs { call: 1, json: "{\"x\":2}" }
    ToolCallEnd { call: 0 }
    ToolCallEnd { call: 1 }
    End(Complete)
    "#);
}

#[tokio::test]
async fn signed_gemini_text_stays_in_one_message() {
    let frame = |parts: Value, finish: Value| json!({ "candidates": [{ "content": { "role": "model", "parts": parts }, "index": 0, "finishReason": finish }] });
    let frames = sse(&[
        frame(json!([{ "text": "Hm.", "thought": true }]), Value::Null),
        frame(json!([{ "text": "Fine " }]), Value::Null),
        frame(json!([{ "text": "there.", "thoughtSignature": "c2ln" }]), json!("STOP")),
    ]);

    assert_snapshot!(outline_of("gemini", frames).await, @r#"
    Reasoning("Hm.")
    Text("Fine ")
    Text("there.")
    TurnSignature("c2ln")
    End(Complete)
    "#);
}

#[tokio::test]
async fn a_finish_reason_in_every_frame_loses_nothing() {
    let frame = |parts: Value| json!({ "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": "STOP" }] });
    let call =
        |city: &str| json!([{ "functionCall": { "name": "get_weather", "args": { "location": city } } }]);
    let frames = sse(&[
        frame(json!([{ "text": "One ", "functionCall": null }])),
        frame(json!([{ "text": "two." }])),
        frame(call("Tokyo")),
        frame(call("Paris")),
        json!({ "usageMetadata": { "promptTokenCount": 5, "candidatesTokenCount": 2 } }),
    ]);

    assert_snapshot!(without_ids(&outline_of("gemini", frames).await), @r#"
    Text("One ")
    Text("two.")
    ToolCall { call: 0, id: <id>, name: "get_weather" }
    ToolArgs { call: 0, json: "{\"location\":\"Tokyo\"}" }
    ToolCallEnd { call: 0 }
    ToolCall { call: 1, id: <id>, name: "get_weather" }
    ToolArgs { call: 1, json: "{\"location\":\"Paris\"}" }
    ToolCallEnd { call: 1 }
    Usage {"inputTokens":5,"model":"a-model","outputTokens":2,"provider":"gemini","totalTokens":7}
    End(Complete)
    "#);
}

#[tokio::test]
async fn content_only_at_the_response_end_is_read() {
    let done = |arguments: Value| json!({ "type": "response.output_item.done", "output_index": 0, "item": { "type": "function_call", "call_id": "a", "name": "f", "arguments": arguments } });
    let output = json!([
        { "type": "message", "content": [{ "type": "output_text", "text": "Let me look." }] },
        { "type": "function_call", "call_id": "a", "name": "f", "arguments": "{}" },
        { "type": "function_call", "call_id": "b", "name": "f", "arguments": { "x": 1 } },
    ]);
    let frames = named_sse(&[
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "function_call", "call_id": "a", "name": "f" } }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{\"x\":" }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 0, "delta": "1}" }),
        json!({ "type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{\"x\":1}" }),
        done(json!("{\"x\": 1}")),
        json!({ "type": "response.completed", "response": { "status": "completed", "output": output } }),
    ]);

    assert_snapshot!(outline_of("openai-responses", frames).await, @r#"
    ToolCall { call: 0, id: "a", name: "f" }
    ToolArgs { call: 0, json: "{\"x\":" }
    ToolArgs { call: 0, json: "1}" }
    ToolCallEnd { call: 0 }
    Text("Let me look.")
    ToolCall { call: 1, id: "b", name: "f" }
    ToolArgs { call: 1, json: "{\"x\":1}" }
    ToolCallEnd { call: 1 }
    End(Complete)
    "#);
}

#[tokio::test]
async fn a_nameless_call_with_arguments_fails_the_turn() {
    let none_came = "Err(StreamCut, the provider stopped for calls, and none came)";
    for (arguments, expected_of_others) in
        [("{}", "End(Complete)"), (r#"{"x":1}"#, "Err(StreamCut, arguments belong to no call)")]
    {
        let call = json!({ "index": 0, "id": "a", "function": { "name": null, "arguments": arguments } });
        let chat =
            json!({ "choices": [{ "delta": { "tool_calls": [call] }, "finish_reason": "tool_calls" }] });
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        let part = json!({ "functionCall": { "args": arguments } });
        let gemini = json!({ "candidates": [{ "content": { "parts": [part] }, "finishReason": "STOP" }] });
        let call = json!({ "function": { "arguments": arguments } });
        let ollama = json!({ "message": { "tool_calls": [call] }, "done": true });
        for (adapter, frames, expected) in [
            ("openai", sse(&[chat]), none_came),
            ("gemini", sse(&[gemini]), expected_of_others),
            ("ollama", vec![format!("{ollama}\n")], expected_of_others),
        ] {
            assert_eq!(outline_of(adapter, frames).await, expected, "{adapter} {arguments}");
        }
    }
}

#[tokio::test]
async fn parts_of_a_summary_become_paragraphs() {
    let part = |index: usize| json!({ "type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": index, "part": { "type": "summary_text", "text": "" } });
    let text = |index: usize, text: &str| json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": index, "delta": text });
    let frames = named_sse(&[
        part(0),
        text(0, "**One**"),
        part(1),
        text(1, "**Two**"),
        json!({ "type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Fine." }),
        json!({ "type": "response.completed", "response": { "id": "resp_1", "status": "completed", "model": "gpt-5", "output": [] } }),
    ]);

    assert_snapshot!(outline_of("openai-responses", frames).await, @r#"
    Reasoning("**One**")
    Reasoning("\n\n")
    Reasoning("**Two**")
    Text("Fine.")
    End(Complete)
    "#);
}
