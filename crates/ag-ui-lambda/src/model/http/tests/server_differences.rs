//! Responses of servers that differ from their wire's documentation.

use super::wires::{gemini_frames, outline_of, without_ids};
use super::*;
use insta::assert_snapshot;

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
    let stub =
        Stub::with_responses([StubResponse::stream(gemini_frames()), StubResponse::stream(gemini_frames())]);
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

/// Returns the outline of a chat turn whose chunks contain these `tool_calls`.
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
            "a start without index",
            vec![
                json!([call(json!({ "id": "a", "function": { "name": "f" } }), "{\"x\":")]),
                json!([call(json!({ "index": 0 }), "1}")]),
                json!([call(json!({ "id": "b", "function": { "name": "f" } }), "")]),
                json!([call(json!({ "index": 1 }), "{}")]),
            ],
        ),
        (
            "the name after the id",
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
    let outline =
        outline_of_calls(&[begin("a"), begin("b"), piece("a", "{\"x\":1}"), piece("b", "{\"x\":2}")]).await;

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
    let none_came = "Err(StreamCut, the provider stopped for calls but sent none)";
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
