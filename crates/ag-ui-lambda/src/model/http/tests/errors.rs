//! Errors that a provider reports: their kind, their cause and the wait.

use super::stub::StubResponse;
use super::*;
use crate::model::{ModelErrorKind, StopReason};

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
async fn retry_after_may_be_a_date() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(30));
    let deltas =
        deltas_of("openai", StubResponse::status(429, &format!("retry-after: {date}\r\n"), "{}")).await;

    let wait = deltas[0].as_ref().unwrap_err().retry_after.unwrap();
    assert!((25..=30).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn an_endless_error_body_is_cut_off() {
    let outcome = |pause| {
        let response = StubResponse::status(500, "", " ".repeat(16 * 1024)).repeat_last(pause);
        async move { turn_end(&deltas_of("openai", response).await) }
    };
    for pause in [Duration::ZERO, Duration::from_millis(300)] {
        let outcome = tokio::time::timeout(Duration::from_secs(10), outcome(pause)).await;
        assert_eq!(outcome.unwrap(), Err(ModelErrorKind::Unavailable));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Stub::with_responses([]);
    let stub =
        Stub::with_responses([StubResponse::status(307, &format!("location: {}/\r\n", elsewhere.url()), "")]);
    let model = model("openai", "m", &stub);

    let deltas = all(&model, &request()).await;

    assert_eq!(turn_end(&deltas), Err(ModelErrorKind::Misconfigured));
    assert_eq!((stub.requests().len(), elsewhere.connections()), (1, 0));
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
        ("anthropic", wires::anthropic_frames(), claude("overloaded_error"), Unavailable),
        ("anthropic", wires::anthropic_frames(), claude("rate_limit_error"), Throttled),
        ("anthropic", wires::anthropic_frames(), claude("api_error"), StreamCut),
        ("openai-responses", wires::responses_frames(), failed("rate_limit_exceeded"), Throttled),
        ("openai-responses", wires::responses_frames(), failed("context_length_exceeded"), ContextTooLong),
        ("openai-responses", wires::responses_frames(), failed("server_error"), StreamCut),
        (
            "openai-responses",
            wires::responses_frames(),
            named_sse(&[json!({ "type": "error", "code": "rate_limit_exceeded", "message": "m" })]),
            Throttled,
        ),
        (
            "openai",
            wires::chat_frames(),
            sse(&[json!({ "error": { "message": "m", "type": "server_error", "code": 502 } })]),
            Unavailable,
        ),
        (
            "gemini",
            wires::gemini_frames(),
            sse(&[json!({ "error": { "code": 503, "status": "UNAVAILABLE" } })]),
            Unavailable,
        ),
        ("ollama", wires::ollama_frames(), vec!["{\"error\":\"out of memory\"}\n".into()], StreamCut),
    ] {
        let frames = head.into_iter().take(2).chain(tail).collect();
        let deltas = deltas_of(adapter, StubResponse::stream(frames)).await;
        assert_eq!(turn_end(&deltas), Err(kind), "{adapter} {}", outline(&deltas));
    }
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
    for response in [
        StubResponse::status(400, "", json!({ "error": error }).to_string()),
        StubResponse::stream(sse(&[
            json!({ "choices": [{ "delta": {}, "finish_reason": "error", "error": error }] }),
        ])),
    ] {
        let deltas = deltas_of("openrouter", response).await;
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
    for (media_type, is_logged) in [("text/event-stream; charset=utf-8", false), ("text/html", true)] {
        let response = StubResponse::status(200, &format!("content-type: {media_type}\r\n"), "\n\n");
        let line = outline(&deltas_of("openai", response).await);
        assert_eq!(line.contains(media_type), is_logged, "{line}");
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
