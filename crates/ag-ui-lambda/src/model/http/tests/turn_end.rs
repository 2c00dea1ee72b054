//! The end of a turn: which responses are complete, which are cut off, and what the finish reason means.

use super::stub::StubResponse;
use super::*;
use crate::model::{ModelErrorKind, StopReason};

#[tokio::test]
async fn huge_token_counts_do_not_fail_the_turn() {
    let usage = json!({ "prompt_tokens": u64::MAX, "completion_tokens": u64::MAX, "completion_tokens_details": { "reasoning_tokens": u64::MAX } });
    let mut frames = sse(&[
        json!({ "choices": [{ "delta": { "content": "Hi" }, "finish_reason": "stop" }], "usage": usage }),
    ]);
    frames.push("data: [DONE]\n\n".into());
    assert_eq!(turn_end(&deltas_of("openai", StubResponse::stream(frames)).await), Ok(StopReason::Complete));
}

#[tokio::test]
async fn an_endless_frame_fails_the_turn() {
    for (adapter, frames) in ALL {
        let mut pieces: Vec<String> = frames().into_iter().take(2).collect();
        pieces.push("data: ".to_owned() + &"x".repeat(64 * 1024));
        let response = StubResponse::stream(pieces).repeat_last(Duration::ZERO);
        let deltas =
            tokio::time::timeout(Duration::from_secs(10), deltas_of(adapter, response)).await.unwrap();
        assert_eq!(turn_end(&deltas), Err(ModelErrorKind::StreamCut), "{adapter}");
        assert!(outline(&deltas).contains("a frame is too long"), "{adapter} {}", outline(&deltas));
    }
}

#[tokio::test]
async fn usage_before_a_cut_is_reported() {
    let frames = wires::anthropic_frames().into_iter().take(5).collect();
    let deltas = deltas_of("anthropic", StubResponse::stream(frames).cut_off()).await;

    let count = deltas.len();
    assert!(matches!(&deltas[count - 2], Ok(Delta::Usage(usage)) if usage.input_tokens == Some(50)));
}

/// Returns the index of the frame with the finish reason.
fn finish_reason_frame(frames: &[String]) -> usize {
    let is_stop = |frame: &String| {
        let end_markers = [
            "\"finish_reason\":\"",
            "\"stop_reason\":\"",
            "finishReason",
            "done_reason",
            "response.completed",
        ];
        end_markers.iter().any(|marker| frame.contains(marker))
    };
    frames.iter().position(is_stop).unwrap()
}

#[tokio::test]
async fn a_turn_is_complete_only_after_its_finish_reason() {
    for (adapter, frames) in ALL {
        for count in 0..=frames().len() {
            let head = || frames().into_iter().take(count).collect::<Vec<_>>();
            let expected = match count {
                0 => Err(ModelErrorKind::Unavailable),
                _ if count <= finish_reason_frame(&frames()) => Err(ModelErrorKind::StreamCut),
                _ => Ok(StopReason::Complete),
            };
            for (how, response) in
                [("cut", StubResponse::stream(head()).cut_off()), ("clean", StubResponse::stream(head()))]
            {
                let deltas = deltas_of(adapter, response).await;
                assert_eq!(
                    turn_end(&deltas),
                    expected,
                    "{adapter} {how} behind {count}: {}",
                    outline(&deltas)
                );
            }
        }
    }
}

#[tokio::test]
async fn an_unreadable_frame_before_the_finish_reason_fails() {
    for (adapter, frames) in ALL {
        let all = frames();
        for at in 1..all.len() {
            let mut broken = all.clone();
            let half = broken[at].len() / 2;
            broken[at] = match adapter {
                "ollama" => "{\"message\":\n".into(),
                _ if broken[at].contains("event:") => {
                    let event = broken[at].lines().next().unwrap().to_owned();
                    format!("{event}\ndata: {{\"type\": \"response.output\n\n")
                }
                _ => "data: {\"choices\": [\n\n".into(),
            };
            let deltas = deltas_of(adapter, StubResponse::stream(broken)).await;
            // After the finish reason nothing is lost.
            let expected = match at > finish_reason_frame(&all) {
                true => Ok(StopReason::Complete),
                false => Err(ModelErrorKind::StreamCut),
            };
            assert_eq!(turn_end(&deltas), expected, "{adapter} {at}: {}", outline(&deltas));

            if at > finish_reason_frame(&all) {
                continue;
            }
            let mut halved = all[..=at].to_vec();
            halved[at].truncate(half);
            let deltas = deltas_of(adapter, StubResponse::stream(halved)).await;
            assert_eq!(
                turn_end(&deltas),
                Err(ModelErrorKind::StreamCut),
                "{adapter} half {at}: {}",
                outline(&deltas)
            );
        }
    }
}

#[tokio::test]
async fn a_silent_provider_fails_the_turn() {
    for (adapter, frames) in ALL {
        let deltas =
            deltas_of(adapter, StubResponse::stream(frames().into_iter().take(2).collect()).then_silent())
                .await;
        assert_eq!(turn_end(&deltas), Err(ModelErrorKind::StreamCut), "{adapter} {}", outline(&deltas));
    }
    let deltas = deltas_of("openai", StubResponse::stream(Vec::new()).then_silent()).await;
    assert_eq!(turn_end(&deltas), Err(ModelErrorKind::Unavailable), "before anything");
}

#[tokio::test]
async fn a_response_in_another_format_fails() {
    for (adapter, _) in ALL {
        for body in
            ["<html><body>Hello\n\nWorld</body></html>", "{\"error\":{\"message\":\"m\"}}", "", "\n\n\n\n"]
        {
            let deltas =
                deltas_of(adapter, StubResponse::status(200, "content-type: text/html\r\n", body)).await;
            let kind = turn_end(&deltas).unwrap_err();
            assert!(
                matches!(kind, ModelErrorKind::Unavailable | ModelErrorKind::StreamCut),
                "{adapter} {body:?} {kind:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_unreachable_provider_is_unavailable() {
    let stub = Stub::with_responses([]);
    let model = model("openai", "m", &stub);
    stub.close().await;

    let deltas = all(&model, &request()).await;
    assert_eq!(turn_end(&deltas), Err(ModelErrorKind::Unavailable), "{}", outline(&deltas));
}

/// The end of a turn with this reason to stop.
async fn end_with_finish_reason(adapter: &str, reason: &str) -> Result<StopReason, ModelErrorKind> {
    let chat =
        |delta: Value, finish: Value| json!({ "choices": [{ "delta": delta, "finish_reason": finish }] });
    let frames = match adapter {
        "openai" => {
            let mut frames =
                sse(&[chat(json!({ "content": "Hi" }), Value::Null), chat(json!({}), json!(reason))]);
            frames.push("data: [DONE]\n\n".into());
            frames
        }
        "openai-responses" => {
            let details = json!({ "reason": reason });
            let response =
                json!({ "id": "r", "model": "m", "status": "incomplete", "incomplete_details": details });
            named_sse(&[json!({ "type": "response.incomplete", "response": response })])
        }
        "anthropic" => named_sse(&[
            json!({ "type": "message_delta", "delta": { "stop_reason": reason } }),
            json!({ "type": "message_stop" }),
        ]),
        _ => sse(&[json!({ "candidates": [{ "finishReason": reason }] })]),
    };
    turn_end(&deltas_of(adapter, StubResponse::stream(frames)).await)
}

#[tokio::test]
async fn finish_reasons_decide_how_the_turn_ends() {
    use StopReason::{Complete, Filtered, MaxTokens};
    for (adapter, reason, expected) in [
        ("openai", "stop", Ok(Complete)),
        ("openai", "eos", Ok(Complete)),
        ("openai", "length", Ok(MaxTokens)),
        ("openai", "content_filter", Ok(Filtered)),
        ("openai", "tool_calls", Ok(Complete)),
        ("openai", "error", Err(ModelErrorKind::StreamCut)),
        ("openai-responses", "max_output_tokens", Ok(MaxTokens)),
        ("openai-responses", "content_filter", Ok(Filtered)),
        ("anthropic", "end_turn", Ok(Complete)),
        ("anthropic", "stop_sequence", Ok(Complete)),
        ("anthropic", "max_tokens", Ok(MaxTokens)),
        ("anthropic", "refusal", Ok(Filtered)),
        ("gemini", "STOP", Ok(Complete)),
        ("gemini", "MAX_TOKENS", Ok(MaxTokens)),
        ("gemini", "SAFETY", Ok(Filtered)),
        ("gemini", "RECITATION", Ok(Filtered)),
        ("gemini", "PROHIBITED_CONTENT", Ok(Filtered)),
        ("gemini", "BLOCKLIST", Ok(Filtered)),
        ("gemini", "MALFORMED_FUNCTION_CALL", Err(ModelErrorKind::StreamCut)),
    ] {
        assert_eq!(end_with_finish_reason(adapter, reason).await, expected, "{adapter} {reason}");
    }
}

#[tokio::test]
async fn endless_pings_after_the_finish_reason_end_the_turn() {
    let ping = |adapter: &str| match adapter {
        "anthropic" => "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "ollama" => "\n",
        _ => ": ping\n\n",
    };
    for (adapter, frames) in ALL {
        let mut pieces: Vec<String> = frames().into_iter().take(finish_reason_frame(&frames()) + 1).collect();
        pieces.push(ping(adapter).to_owned());
        let response = StubResponse::stream(pieces).repeat_last(Duration::from_millis(20));
        let deltas =
            tokio::time::timeout(Duration::from_secs(5), deltas_of(adapter, response)).await.unwrap();
        assert_eq!(turn_end(&deltas), Ok(StopReason::Complete), "{adapter} {}", outline(&deltas));
    }
}

#[tokio::test]
async fn a_finish_reason_without_an_answer_waits_for_more() {
    let chunk = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let response = StubResponse::stream(sse(&[chunk]).into_iter().chain([": ping\n\n".into()]).collect());
    let began = std::time::Instant::now();
    let deltas = deltas_of("openai", response.repeat_last(Duration::from_millis(20))).await;

    assert_eq!(turn_end(&deltas), Ok(StopReason::Complete), "{}", outline(&deltas));
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn gemini_may_block_the_prompt() {
    let frames = sse(&[json!({ "promptFeedback": { "blockReason": "SAFETY" }, "usageMetadata": {} })]);

    assert_eq!(turn_end(&deltas_of("gemini", StubResponse::stream(frames)).await), Ok(StopReason::Filtered));
}

#[tokio::test]
async fn a_call_cut_by_the_token_limit_is_not_ended() {
    let mut frames = wires::chat_frames();
    frames.truncate(9);
    frames.extend(sse(&[json!({ "choices": [{ "delta": {}, "finish_reason": "length" }] })]));
    frames.push("data: [DONE]\n\n".into());

    let outline = outline(&deltas_of("openai", StubResponse::stream(frames)).await);
    assert!(outline.contains("ToolCallEnd { call: 0 }"), "{outline}");
    assert!(!outline.contains("ToolCallEnd { call: 1 }"), "{outline}");
}
