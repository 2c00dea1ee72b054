//! How turns fail, and that no broken one ends well.

use super::stub::StubResponse;
use super::*;
use crate::model::{ModelErrorKind, StopReason};

async fn deltas_of(adapter: &str, answer: StubResponse) -> Vec<Result<Delta, ModelError>> {
    let stub = Stub::with_responses([answer]);
    let model = model(adapter, "m", &stub).idle_timeout(Duration::from_millis(200));
    all(&model, &request()).await
}

fn turn_end(deltas: &[Result<Delta, ModelError>]) -> Result<StopReason, ModelErrorKind> {
    let ends = deltas.iter().filter(|delta| matches!(delta, Ok(Delta::End(_)) | Err(_))).count();
    assert_eq!(ends, 1, "one end: {}", outline(deltas));
    match deltas.last().unwrap() {
        Ok(Delta::End(stop)) => Ok(*stop),
        Err(error) => Err(error.kind),
        Ok(_) => panic!("no end: {}", outline(deltas)),
    }
}

#[tokio::test]
async fn error_responses_are_classified_by_status_and_codes() {
    use ModelErrorKind::{ContextTooLong, Misconfigured, Refused, Throttled, Unavailable};
    let openai =
        |code: &str, message: &str| json!({ "error": { "message": message, "type": "t", "code": code } });
    let claude =
        |kind: &str, message: &str| json!({ "type": "error", "error": { "type": kind, "message": message } });
    for (adapter, status, body, kind) in [
        ("openai", 429, openai("rate_limit_exceeded", "slow"), Throttled),
        ("openai", 429, openai("insufficient_quota", "pay"), Misconfigured),
        (
            "openai",
            400,
            openai("context_length_exceeded", "This model's maximum context length is 8"),
            ContextTooLong,
        ),
        ("openai", 400, openai("invalid_request_error", "no"), Refused),
        ("anthropic", 400, claude("invalid_request_error", "Your credit balance is too low."), Misconfigured),
        ("xai", 400, openai("invalid_argument", "Incorrect API key provided: sk***."), Misconfigured),
        ("openai", 401, openai("invalid_api_key", "no"), Misconfigured),
        ("openai", 403, openai("", "no"), Misconfigured),
        ("openai", 404, openai("model_not_found", "no"), Misconfigured),
        ("openai", 422, openai("", "no"), Refused),
        ("openai", 500, openai("server_error", "no"), Unavailable),
        ("openai", 503, json!("<html>"), Unavailable),
        ("openai", 302, json!(null), Misconfigured),
        ("openai-responses", 400, openai("context_length_exceeded", "no"), ContextTooLong),
        ("anthropic", 529, claude("overloaded_error", "Overloaded"), Unavailable),
        ("anthropic", 429, claude("rate_limit_error", "slow"), Throttled),
        (
            "anthropic",
            400,
            claude("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
            ContextTooLong,
        ),
        ("anthropic", 413, claude("request_too_large", "no"), ContextTooLong),
        (
            "gemini",
            400,
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "The input token count exceeds the maximum number of tokens allowed" } }),
            ContextTooLong,
        ),
        (
            "gemini",
            400,
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid." } }),
            Misconfigured,
        ),
        ("gemini", 503, json!({ "error": { "code": 503, "status": "UNAVAILABLE" } }), Unavailable),
        ("ollama", 404, json!({ "error": "model 'm' not found" }), Misconfigured),
    ] {
        let headers = "retry-after: 7\r\ncontent-type: application/json\r\n";
        let deltas = deltas_of(adapter, StubResponse::status(status, headers, body.to_string())).await;
        assert_eq!(turn_end(&deltas), Err(kind), "{adapter} {status} {}", outline(&deltas));
        let error = deltas[0].as_ref().unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        assert!(outline(&deltas).contains(&format!("status {status}")));
    }
}

#[tokio::test]
async fn retry_after_is_read_in_milliseconds_or_seconds() {
    for (headers, seconds) in [
        ("retry-after: 7\r\nretry-after-ms: 1500\r\n", Some(1.5)),
        ("retry-after: 7\r\nretry-after-ms: -1\r\n", Some(7.0)),
        ("retry-after: 7\r\nretry-after-ms: nan\r\n", Some(7.0)),
        ("retry-after: inf\r\n", Some(86_400.0)),
        ("retry-after: 1e300\r\n", Some(86_400.0)),
        ("retry-after: -1\r\n", None),
        ("retry-after: soon\r\n", None),
    ] {
        let deltas = deltas_of("openai", StubResponse::status(429, headers, "{}")).await;
        let wait = deltas[0].as_ref().unwrap_err().retry_after;
        assert_eq!(wait, seconds.map(Duration::from_secs_f64), "{headers}");
    }
}

#[tokio::test]
async fn mistrals_validation_messages_are_in_the_cause() {
    let message = json!({ "detail": [{ "type": "extra_forbidden", "loc": ["body", "x"] }] });
    let body = json!({ "object": "error", "message": message, "type": "invalid_request_error" });
    let line = outline(&deltas_of("mistral", StubResponse::status(422, "", body.to_string())).await);

    assert!(line.contains("extra_forbidden"), "{line}");
}

#[tokio::test]
async fn an_empty_error_member_is_not_an_error() {
    for nothing in [json!(null), json!(""), json!({}), json!(false)] {
        let mut frames = sse(&[
            json!({ "error": nothing, "choices": [{ "delta": { "content": "Hi" }, "finish_reason": "stop" }] }),
        ]);
        frames.push("data: [DONE]\n\n".into());
        assert_eq!(
            turn_end(&deltas_of("openai", StubResponse::stream(frames)).await),
            Ok(StopReason::Complete),
            "{nothing}"
        );
    }
}

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
async fn retry_after_may_be_a_date() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(30));
    let deltas = deltas_of("openai", StubResponse::status(429, &format!("retry-after: {date}\r\n"), "{}")).await;

    let wait = deltas[0].as_ref().unwrap_err().retry_after.unwrap();
    assert!((25..=30).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn an_endless_error_body_is_cut_off() {
    let said = |pause| {
        let answer = StubResponse::status(500, "", " ".repeat(16 * 1024)).repeat_last(pause);
        async move { turn_end(&deltas_of("openai", answer).await) }
    };
    for pause in [Duration::ZERO, Duration::from_millis(300)] {
        let said = tokio::time::timeout(Duration::from_secs(10), said(pause)).await;
        assert_eq!(said.unwrap(), Err(ModelErrorKind::Unavailable));
    }
}

#[tokio::test]
async fn an_endless_frame_fails_the_turn() {
    for (adapter, frames) in ALL {
        let mut pieces: Vec<String> = frames().into_iter().take(2).collect();
        pieces.push("data: ".to_owned() + &"x".repeat(64 * 1024));
        let answer = StubResponse::stream(pieces).repeat_last(Duration::ZERO);
        let deltas = tokio::time::timeout(Duration::from_secs(10), deltas_of(adapter, answer)).await.unwrap();
        assert_eq!(turn_end(&deltas), Err(ModelErrorKind::StreamCut), "{adapter}");
        assert!(outline(&deltas).contains("a frame is too long"), "{adapter} {}", outline(&deltas));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Stub::with_responses([]);
    let stub = Stub::with_responses([StubResponse::status(307, &format!("location: {}/\r\n", elsewhere.url()), "")]);
    let model = model("openai", "m", &stub);

    let deltas = all(&model, &request()).await;

    assert_eq!(turn_end(&deltas), Err(ModelErrorKind::Misconfigured));
    assert_eq!((stub.requests().len(), elsewhere.connections()), (1, 0));
}

#[tokio::test]
async fn usage_before_a_cut_is_reported() {
    let frames = wires::anthropic().into_iter().take(5).collect();
    let deltas = deltas_of("anthropic", StubResponse::stream(frames).cut_off()).await;

    let count = deltas.len();
    assert!(matches!(&deltas[count - 2], Ok(Delta::Usage(usage)) if usage.input_tokens == Some(50)));
}

#[tokio::test]
async fn the_cause_is_short_and_without_the_key() {
    let message = format!("{KEY} is wrong. {}", "x".repeat(9000));
    let body = json!({ "error": { "message": message, "code": "invalid_api_key" } });
    let deltas = deltas_of("openai", StubResponse::status(401, "", body.to_string())).await;

    let line = outline(&deltas);
    assert!(line.contains("invalid_api_key, [key] is wrong.") && line.len() < 500, "{line}");
}

#[tokio::test]
async fn a_line_break_after_the_key_is_trimmed() {
    let body = json!({ "error": { "message": format!("no such key: {KEY}"), "code": "invalid_api_key" } });
    let stub = Stub::with_responses([StubResponse::status(401, "", body.to_string())]);
    let key = SecretString::from(format!("{KEY}\n"));
    let openai = Provider::named("openai").unwrap();
    let model = HttpModel::new(openai, "m", key).base_url(&format!("{}/v1", stub.url())).unwrap();

    let line = outline(&all(&model, &request()).await);
    assert!(line.contains("no such key: [key]"), "{line}");
    assert!(stub.requests()[0].head.contains(&format!("Bearer {KEY}\r\n")));
}

#[tokio::test]
async fn stream_errors_are_classified_by_type() {
    use ModelErrorKind::{ContextTooLong, StreamCut, Throttled, Unavailable};
    let claude =
        |kind: &str| named_sse(&[json!({ "type": "error", "error": { "type": kind, "message": "m" } })]);
    let failed = |code: &str| {
        let error = json!({ "code": code, "message": "m" });
        named_sse(&[
            json!({ "type": "response.failed", "response": { "id": "r", "status": "failed", "model": "m", "error": error } }),
        ])
    };
    for (adapter, head, tail, kind) in [
        ("anthropic", wires::anthropic(), claude("overloaded_error"), Unavailable),
        ("anthropic", wires::anthropic(), claude("rate_limit_error"), Throttled),
        ("anthropic", wires::anthropic(), claude("api_error"), StreamCut),
        ("openai-responses", wires::responses(), failed("rate_limit_exceeded"), Throttled),
        ("openai-responses", wires::responses(), failed("context_length_exceeded"), ContextTooLong),
        ("openai-responses", wires::responses(), failed("server_error"), StreamCut),
        (
            "openai-responses",
            wires::responses(),
            named_sse(&[json!({ "type": "error", "code": "rate_limit_exceeded", "message": "m" })]),
            Throttled,
        ),
        (
            "openai",
            wires::chat(),
            sse(&[json!({ "error": { "message": "m", "type": "server_error", "code": 502 } })]),
            Unavailable,
        ),
        (
            "gemini",
            wires::gemini(),
            sse(&[json!({ "error": { "code": 503, "status": "UNAVAILABLE" } })]),
            Unavailable,
        ),
        ("ollama", wires::ollama(), vec!["{\"error\":\"out of memory\"}\n".into()], StreamCut),
    ] {
        let frames = head.into_iter().take(2).chain(tail).collect();
        let deltas = deltas_of(adapter, StubResponse::stream(frames)).await;
        assert_eq!(turn_end(&deltas), Err(kind), "{adapter} {}", outline(&deltas));
    }
}

/// The number of the frame that tells the reason to stop.
fn finish_reason_frame(frames: &[String]) -> usize {
    let is_stop = |frame: &String| {
        let told = [
            "\"finish_reason\":\"",
            "\"stop_reason\":\"",
            "finishReason",
            "done_reason",
            "response.completed",
        ];
        told.iter().any(|told| frame.contains(told))
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
            for (how, answer) in [("cut", StubResponse::stream(head()).cut_off()), ("clean", StubResponse::stream(head()))] {
                let deltas = deltas_of(adapter, answer).await;
                assert_eq!(turn_end(&deltas), expected, "{adapter} {how} behind {count}: {}", outline(&deltas));
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
            // Behind the reason to stop nothing is lost.
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
        let deltas = deltas_of(adapter, StubResponse::stream(frames().into_iter().take(2).collect()).then_silent()).await;
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
            let deltas = deltas_of(adapter, StubResponse::status(200, "content-type: text/html\r\n", body)).await;
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
        let answer = StubResponse::stream(pieces).repeat_last(Duration::from_millis(20));
        let deltas = tokio::time::timeout(Duration::from_secs(5), deltas_of(adapter, answer)).await.unwrap();
        assert_eq!(turn_end(&deltas), Ok(StopReason::Complete), "{adapter} {}", outline(&deltas));
    }
}

#[tokio::test]
async fn a_finish_reason_without_an_answer_waits_for_more() {
    let chunk = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let answer = StubResponse::stream(sse(&[chunk]).into_iter().chain([": ping\n\n".into()]).collect());
    let began = std::time::Instant::now();
    let deltas = deltas_of("openai", answer.repeat_last(Duration::from_millis(20))).await;

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
    let mut frames = wires::chat();
    frames.truncate(9);
    frames.extend(sse(&[json!({ "choices": [{ "delta": {}, "finish_reason": "length" }] })]));
    frames.push("data: [DONE]\n\n".into());

    let outline = outline(&deltas_of("openai", StubResponse::stream(frames)).await);
    assert!(outline.contains("ToolCallEnd { call: 0 }"), "{outline}");
    assert!(!outline.contains("ToolCallEnd { call: 1 }"), "{outline}");
}

#[tokio::test]
async fn an_error_with_status_200_is_read_on_every_wire() {
    let sentence = "the request exceeds the available context size";
    let error = json!({ "code": 400, "message": sentence, "type": "invalid_request_error" });
    for (adapter, _) in ALL {
        let bodies = match adapter {
            "ollama" => {
                vec![json!({ "error": sentence }).to_string() + "\n", json!({ "error": error }).to_string()]
            }
            _ => vec![
                format!("error: {error}\n\n"),
                format!("event: error\ndata: {error}\n\n"),
                format!("data: {}\n\n", json!({ "error": error })),
                format!(
                    "data: {}\n\n",
                    json!({ "object": "error", "message": sentence, "type": "BadRequestError" })
                ),
                format!(": hello\n\n{}\n", json!({ "error": error })),
                format!("{:#}", json!({ "error": error })),
                json!([{ "error": error }]).to_string(),
            ],
        };
        for body in bodies {
            let deltas = deltas_of(adapter, StubResponse::status(200, "", body.clone())).await;
            assert_eq!(turn_end(&deltas), Err(ModelErrorKind::ContextTooLong), "{adapter} {body}");
            assert!(outline(&deltas).contains(sentence), "{adapter} {}", outline(&deltas));
        }
    }
}

#[tokio::test]
async fn an_error_type_counts_more_than_the_status() {
    use ModelErrorKind::{ContextTooLong, Refused, Unavailable};
    for (status, error, kind) in [
        (400, json!({ "code": 400, "type": "exceed_context_size_error", "n_ctx": 2048 }), ContextTooLong),
        (500, json!({ "code": 500, "type": "exceed_context_size_error" }), ContextTooLong),
        (
            500,
            json!({ "code": 500, "message": "prompt too long; exceeded max context length" }),
            ContextTooLong,
        ),
        (500, json!({ "code": 400, "message": "no" }), Refused),
        (502, json!({ "type": "BadRequestError", "message": "no" }), Refused),
        (500, json!({ "type": "server_error", "message": "no" }), Unavailable),
    ] {
        let body = json!({ "error": error }).to_string();
        let deltas = deltas_of("openai", StubResponse::status(status, "", body)).await;
        assert_eq!(turn_end(&deltas), Err(kind), "{status} {error}");
    }
}

#[tokio::test]
async fn an_upstream_error_is_in_the_cause() {
    let error = json!({ "message": "Provider returned error", "code": 400, "metadata": { "raw": "tool order is odd" } });
    for answer in [
        StubResponse::status(400, "", json!({ "error": error }).to_string()),
        StubResponse::stream(sse(&[
            json!({ "choices": [{ "delta": {}, "finish_reason": "error", "error": error }] }),
        ])),
    ] {
        let deltas = deltas_of("openrouter", answer).await;
        assert_eq!(turn_end(&deltas), Err(ModelErrorKind::Refused));
        assert!(outline(&deltas).contains("tool order is odd"), "{}", outline(&deltas));
    }
}

#[tokio::test]
async fn a_short_key_is_not_redacted() {
    for (key, reason, expected) in [
        ("x", "max_tokens", Ok(StopReason::MaxTokens)),
        ("max_tokens", "max_tokens", Ok(StopReason::MaxTokens)),
        ("content_", "content_filter", Ok(StopReason::Filtered)),
    ] {
        let mut frames =
            sse(&[json!({ "choices": [{ "delta": { "content": "Hi" }, "finish_reason": reason }] })]);
        frames.push("data: [DONE]\n\n".into());
        let stub = Stub::with_responses([StubResponse::stream(frames)]);
        let openai = Provider::named("openai").unwrap();
        let url = format!("{}/v1", stub.url());
        let model = HttpModel::new(openai, "m", SecretString::from(key)).base_url(&url).unwrap();
        assert_eq!(turn_end(&all(&model, &request()).await), expected, "{key} {reason}");
    }
    let body = json!({ "error": { "type": "exceeded", "message": "next" } });
    let stub = Stub::with_responses([StubResponse::status(400, "", body.to_string())]);
    let openai = Provider::named("openai").unwrap();
    let url = format!("{}/v1", stub.url());
    let model = HttpModel::new(openai, "m", SecretString::from("x")).base_url(&url).unwrap();
    let line = outline(&all(&model, &request()).await);
    assert!(line.contains("exceeded, next"), "{line}");
}

#[tokio::test]
async fn only_an_unexpected_media_type_is_in_the_cause() {
    for (media_type, is_told) in [("text/event-stream; charset=utf-8", false), ("text/html", true)] {
        let answer = StubResponse::status(200, &format!("content-type: {media_type}\r\n"), "\n\n");
        let line = outline(&deltas_of("openai", answer).await);
        assert_eq!(line.contains(media_type), is_told, "{line}");
    }
}

#[tokio::test]
async fn a_rejected_part_is_reported() {
    use crate::model::RejectedPart;
    for (status, error, expected) in [
        (
            500,
            json!({ "code": 500, "type": "server_error", "message": "image input is not supported - hint: mmproj" }),
            RejectedPart::Media,
        ),
        (
            200,
            json!({ "code": 500, "type": "server_error", "message": "image input is not supported" }),
            RejectedPart::Media,
        ),
        (
            400,
            json!({ "message": "Invalid schema for function 'get_weather': no", "param": "tools[0].function.parameters" }),
            RejectedPart::Tool("get_weather".into()),
        ),
        (
            500,
            json!({ "message": "Failed to initialize samplers: failed to parse grammar" }),
            RejectedPart::UnnamedTool,
        ),
    ] {
        let body = match status {
            200 => format!("data: {}\n\n", json!({ "error": error })),
            _ => json!({ "error": error }).to_string(),
        };
        let deltas = deltas_of("openai", StubResponse::status(status, "", body)).await;
        assert_eq!(turn_end(&deltas), Err(ModelErrorKind::Refused), "{status} {error}");
        assert_eq!(deltas[0].as_ref().unwrap_err().rejected, Some(expected), "{status} {error}");
    }
}
