//! How turns fail, and that no broken one ends well.

use super::stub::Answer;
use super::*;
use crate::model::{ModelErrorKind, StopReason};

async fn answered(adapter: &str, answer: Answer) -> Vec<Result<Delta, ModelError>> {
    let stub = Stub::playing([answer]);
    let model = model(adapter, "m", &stub).idle_timeout(Duration::from_millis(200));
    all(&model, &request()).await
}

fn last(deltas: &[Result<Delta, ModelError>]) -> Result<StopReason, ModelErrorKind> {
    let ends = deltas.iter().filter(|delta| matches!(delta, Ok(Delta::End(_)) | Err(_))).count();
    assert_eq!(ends, 1, "one end: {}", outline(deltas));
    match deltas.last().unwrap() {
        Ok(Delta::End(stop)) => Ok(*stop),
        Err(error) => Err(error.kind),
        Ok(_) => panic!("no end: {}", outline(deltas)),
    }
}

#[tokio::test]
async fn a_refusal_is_known_by_its_status_and_its_words() {
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
        let deltas = answered(adapter, Answer::status(status, headers, body.to_string())).await;
        assert_eq!(last(&deltas), Err(kind), "{adapter} {status} {}", outline(&deltas));
        let error = deltas[0].as_ref().unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
        assert!(outline(&deltas).contains(&format!("status {status}")));
    }
}

#[tokio::test]
async fn a_time_to_wait_comes_in_milliseconds_or_seconds_and_may_be_nonsense() {
    for (headers, seconds) in [
        ("retry-after: 7\r\nretry-after-ms: 1500\r\n", Some(1.5)),
        ("retry-after: 7\r\nretry-after-ms: -1\r\n", Some(7.0)),
        ("retry-after: 7\r\nretry-after-ms: nan\r\n", Some(7.0)),
        ("retry-after: inf\r\n", Some(86_400.0)),
        ("retry-after: 1e300\r\n", Some(86_400.0)),
        ("retry-after: -1\r\n", None),
        ("retry-after: soon\r\n", None),
    ] {
        let deltas = answered("openai", Answer::status(429, headers, "{}")).await;
        let wait = deltas[0].as_ref().unwrap_err().retry_after;
        assert_eq!(wait, seconds.map(Duration::from_secs_f64), "{headers}");
    }
}

#[tokio::test]
async fn mistrals_list_of_what_is_wrong_is_in_the_cause() {
    let message = json!({ "detail": [{ "type": "extra_forbidden", "loc": ["body", "x"] }] });
    let body = json!({ "object": "error", "message": message, "type": "invalid_request_error" });
    let line = outline(&answered("mistral", Answer::status(422, "", body.to_string())).await);

    assert!(line.contains("extra_forbidden"), "{line}");
}

#[tokio::test]
async fn an_error_of_nothing_is_none() {
    for nothing in [json!(null), json!(""), json!({}), json!(false)] {
        let mut frames = sse(&[
            json!({ "error": nothing, "choices": [{ "delta": { "content": "Hi" }, "finish_reason": "stop" }] }),
        ]);
        frames.push("data: [DONE]\n\n".into());
        assert_eq!(
            last(&answered("openai", Answer::stream(frames)).await),
            Ok(StopReason::Complete),
            "{nothing}"
        );
    }
}

#[tokio::test]
async fn tokens_beyond_all_counting_end_no_turn() {
    let usage = json!({ "prompt_tokens": u64::MAX, "completion_tokens": u64::MAX, "completion_tokens_details": { "reasoning_tokens": u64::MAX } });
    let mut frames = sse(&[
        json!({ "choices": [{ "delta": { "content": "Hi" }, "finish_reason": "stop" }], "usage": usage }),
    ]);
    frames.push("data: [DONE]\n\n".into());
    assert_eq!(last(&answered("openai", Answer::stream(frames)).await), Ok(StopReason::Complete));
}

#[tokio::test]
async fn a_time_to_wait_may_be_a_date() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(30));
    let deltas = answered("openai", Answer::status(429, &format!("retry-after: {date}\r\n"), "{}")).await;

    let wait = deltas[0].as_ref().unwrap_err().retry_after.unwrap();
    assert!((25..=30).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn an_errors_body_without_an_end_is_read_no_further_than_it_helps() {
    let said = |pause| {
        let answer = Answer::status(500, "", " ".repeat(16 * 1024)).again(pause);
        async move { last(&answered("openai", answer).await) }
    };
    for pause in [Duration::ZERO, Duration::from_millis(300)] {
        let said = tokio::time::timeout(Duration::from_secs(10), said(pause)).await;
        assert_eq!(said.unwrap(), Err(ModelErrorKind::Unavailable));
    }
}

#[tokio::test]
async fn a_frame_without_an_end_cuts_the_turn() {
    for (adapter, frames) in ALL {
        let mut pieces: Vec<String> = frames().into_iter().take(2).collect();
        pieces.push("data: ".to_owned() + &"x".repeat(64 * 1024));
        let answer = Answer::stream(pieces).again(Duration::ZERO);
        let deltas = tokio::time::timeout(Duration::from_secs(10), answered(adapter, answer)).await.unwrap();
        assert_eq!(last(&deltas), Err(ModelErrorKind::StreamCut), "{adapter}");
        assert!(outline(&deltas).contains("a frame is too long"), "{adapter} {}", outline(&deltas));
    }
}

#[tokio::test]
async fn given_a_redirect_then_neither_the_request_nor_the_key_goes_there() {
    let elsewhere = Stub::playing([]);
    let stub = Stub::playing([Answer::status(307, &format!("location: {}/\r\n", elsewhere.url()), "")]);
    let model = model("openai", "m", &stub);

    let deltas = all(&model, &request()).await;

    assert_eq!(last(&deltas), Err(ModelErrorKind::Misconfigured));
    assert_eq!((stub.seen().len(), elsewhere.connections()), (1, 0));
}

#[tokio::test]
async fn what_was_counted_before_a_cut_is_told() {
    let frames = wires::anthropic().into_iter().take(5).collect();
    let deltas = answered("anthropic", Answer::stream(frames).cut()).await;

    let count = deltas.len();
    assert!(matches!(&deltas[count - 2], Ok(Delta::Usage(usage)) if usage.input_tokens == Some(50)));
}

#[tokio::test]
async fn no_key_and_no_long_message_is_in_the_cause() {
    let message = format!("{KEY} is wrong. {}", "x".repeat(9000));
    let body = json!({ "error": { "message": message, "code": "invalid_api_key" } });
    let deltas = answered("openai", Answer::status(401, "", body.to_string())).await;

    let line = outline(&deltas);
    assert!(line.contains("invalid_api_key, [key] is wrong.") && line.len() < 500, "{line}");
}

#[tokio::test]
async fn a_line_break_behind_the_key_is_neither_sent_nor_in_the_way_of_keeping_it_out() {
    let body = json!({ "error": { "message": format!("no such key: {KEY}"), "code": "invalid_api_key" } });
    let stub = Stub::playing([Answer::status(401, "", body.to_string())]);
    let key = SecretString::from(format!("{KEY}\n"));
    let openai = Provider::named("openai").unwrap();
    let model = Hosted::new(openai, "m", key).base_url(&format!("{}/v1", stub.url())).unwrap();

    let line = outline(&all(&model, &request()).await);
    assert!(line.contains("no such key: [key]"), "{line}");
    assert!(stub.seen()[0].head.contains(&format!("Bearer {KEY}\r\n")));
}

#[tokio::test]
async fn an_error_in_the_stream_is_known_by_its_type() {
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
        let deltas = answered(adapter, Answer::stream(frames)).await;
        assert_eq!(last(&deltas), Err(kind), "{adapter} {}", outline(&deltas));
    }
}

/// The number of the frame that tells the reason to stop.
fn stop_frame(frames: &[String]) -> usize {
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
async fn a_turn_that_ends_before_its_reason_to_stop_is_cut_and_behind_it_is_complete() {
    for (adapter, frames) in ALL {
        for count in 0..=frames().len() {
            let head = || frames().into_iter().take(count).collect::<Vec<_>>();
            let expected = match count {
                0 => Err(ModelErrorKind::Unavailable),
                _ if count <= stop_frame(&frames()) => Err(ModelErrorKind::StreamCut),
                _ => Ok(StopReason::Complete),
            };
            for (how, answer) in [("cut", Answer::stream(head()).cut()), ("clean", Answer::stream(head()))] {
                let deltas = answered(adapter, answer).await;
                assert_eq!(last(&deltas), expected, "{adapter} {how} behind {count}: {}", outline(&deltas));
            }
        }
    }
}

#[tokio::test]
async fn a_frame_that_is_cut_or_no_json_is_not_passed_over_before_the_reason_to_stop() {
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
            let deltas = answered(adapter, Answer::stream(broken)).await;
            // Behind the reason to stop nothing is lost.
            let expected = match at > stop_frame(&all) {
                true => Ok(StopReason::Complete),
                false => Err(ModelErrorKind::StreamCut),
            };
            assert_eq!(last(&deltas), expected, "{adapter} {at}: {}", outline(&deltas));

            if at > stop_frame(&all) {
                continue;
            }
            let mut halved = all[..=at].to_vec();
            halved[at].truncate(half);
            let deltas = answered(adapter, Answer::stream(halved)).await;
            assert_eq!(
                last(&deltas),
                Err(ModelErrorKind::StreamCut),
                "{adapter} half {at}: {}",
                outline(&deltas)
            );
        }
    }
}

#[tokio::test]
async fn silence_ends_the_turn() {
    for (adapter, frames) in ALL {
        let deltas = answered(adapter, Answer::stream(frames().into_iter().take(2).collect()).silent()).await;
        assert_eq!(last(&deltas), Err(ModelErrorKind::StreamCut), "{adapter} {}", outline(&deltas));
    }
    let deltas = answered("openai", Answer::stream(Vec::new()).silent()).await;
    assert_eq!(last(&deltas), Err(ModelErrorKind::Unavailable), "before anything");
}

#[tokio::test]
async fn what_is_no_event_stream_is_never_a_good_turn() {
    for (adapter, _) in ALL {
        for body in
            ["<html><body>Hello\n\nWorld</body></html>", "{\"error\":{\"message\":\"m\"}}", "", "\n\n\n\n"]
        {
            let deltas = answered(adapter, Answer::status(200, "content-type: text/html\r\n", body)).await;
            let kind = last(&deltas).unwrap_err();
            assert!(
                matches!(kind, ModelErrorKind::Unavailable | ModelErrorKind::StreamCut),
                "{adapter} {body:?} {kind:?}"
            );
        }
    }
}

#[tokio::test]
async fn nobody_listens() {
    let stub = Stub::playing([]);
    let model = model("openai", "m", &stub);
    stub.close().await;

    let deltas = all(&model, &request()).await;
    assert_eq!(last(&deltas), Err(ModelErrorKind::Unavailable), "{}", outline(&deltas));
}

/// The end of a turn with this reason to stop.
async fn stopped(adapter: &str, reason: &str) -> Result<StopReason, ModelErrorKind> {
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
    last(&answered(adapter, Answer::stream(frames)).await)
}

#[tokio::test]
async fn a_reason_to_stop_says_whether_the_answer_is_whole() {
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
        assert_eq!(stopped(adapter, reason).await, expected, "{adapter} {reason}");
    }
}

#[tokio::test]
async fn given_a_reason_to_stop_when_pings_go_on_for_ever_then_the_turn_ends_soon() {
    let ping = |adapter: &str| match adapter {
        "anthropic" => "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "ollama" => "\n",
        _ => ": ping\n\n",
    };
    for (adapter, frames) in ALL {
        let mut pieces: Vec<String> = frames().into_iter().take(stop_frame(&frames()) + 1).collect();
        pieces.push(ping(adapter).to_owned());
        let answer = Answer::stream(pieces).again(Duration::from_millis(20));
        let deltas = tokio::time::timeout(Duration::from_secs(5), answered(adapter, answer)).await.unwrap();
        assert_eq!(last(&deltas), Ok(StopReason::Complete), "{adapter} {}", outline(&deltas));
    }
}

#[tokio::test]
async fn given_a_reason_to_stop_and_nothing_else_then_the_limit_of_silence_holds() {
    let chunk = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let answer = Answer::stream(sse(&[chunk]).into_iter().chain([": ping\n\n".into()]).collect());
    let began = std::time::Instant::now();
    let deltas = answered("openai", answer.again(Duration::from_millis(20))).await;

    assert_eq!(last(&deltas), Ok(StopReason::Complete), "{}", outline(&deltas));
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn gemini_may_hold_back_the_question() {
    let frames = sse(&[json!({ "promptFeedback": { "blockReason": "SAFETY" }, "usageMetadata": {} })]);

    assert_eq!(last(&answered("gemini", Answer::stream(frames)).await), Ok(StopReason::Filtered));
}

#[tokio::test]
async fn given_a_limit_of_tokens_when_a_call_is_cut_then_it_is_not_ended() {
    let mut frames = wires::chat();
    frames.truncate(9);
    frames.extend(sse(&[json!({ "choices": [{ "delta": {}, "finish_reason": "length" }] })]));
    frames.push("data: [DONE]\n\n".into());

    let outline = outline(&answered("openai", Answer::stream(frames)).await);
    assert!(outline.contains("ToolCallEnd { call: 0 }"), "{outline}");
    assert!(!outline.contains("ToolCallEnd { call: 1 }"), "{outline}");
}

#[tokio::test]
async fn an_error_inside_a_200_is_read_on_every_wire_and_in_every_form() {
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
            let deltas = answered(adapter, Answer::status(200, "", body.clone())).await;
            assert_eq!(last(&deltas), Err(ModelErrorKind::ContextTooLong), "{adapter} {body}");
            assert!(outline(&deltas).contains(sentence), "{adapter} {}", outline(&deltas));
        }
    }
}

#[tokio::test]
async fn a_type_is_read_before_the_status() {
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
        let deltas = answered("openai", Answer::status(status, "", body)).await;
        assert_eq!(last(&deltas), Err(kind), "{status} {error}");
    }
}

#[tokio::test]
async fn what_a_gateway_passes_on_is_in_the_cause() {
    let error = json!({ "message": "Provider returned error", "code": 400, "metadata": { "raw": "tool order is odd" } });
    for answer in [
        Answer::status(400, "", json!({ "error": error }).to_string()),
        Answer::stream(sse(&[
            json!({ "choices": [{ "delta": {}, "finish_reason": "error", "error": error }] }),
        ])),
    ] {
        let deltas = answered("openrouter", answer).await;
        assert_eq!(last(&deltas), Err(ModelErrorKind::Refused));
        assert!(outline(&deltas).contains("tool order is odd"), "{}", outline(&deltas));
    }
}

#[tokio::test]
async fn a_short_key_is_not_searched_for_and_no_key_stands_in_the_way_of_a_word() {
    for (key, reason, expected) in [
        ("x", "max_tokens", Ok(StopReason::MaxTokens)),
        ("max_tokens", "max_tokens", Ok(StopReason::MaxTokens)),
        ("content_", "content_filter", Ok(StopReason::Filtered)),
    ] {
        let mut frames =
            sse(&[json!({ "choices": [{ "delta": { "content": "Hi" }, "finish_reason": reason }] })]);
        frames.push("data: [DONE]\n\n".into());
        let stub = Stub::playing([Answer::stream(frames)]);
        let openai = Provider::named("openai").unwrap();
        let url = format!("{}/v1", stub.url());
        let model = Hosted::new(openai, "m", SecretString::from(key)).base_url(&url).unwrap();
        assert_eq!(last(&all(&model, &request()).await), expected, "{key} {reason}");
    }
    let body = json!({ "error": { "type": "exceeded", "message": "next" } });
    let stub = Stub::playing([Answer::status(400, "", body.to_string())]);
    let openai = Provider::named("openai").unwrap();
    let url = format!("{}/v1", stub.url());
    let model = Hosted::new(openai, "m", SecretString::from("x")).base_url(&url).unwrap();
    let line = outline(&all(&model, &request()).await);
    assert!(line.contains("exceeded, next"), "{line}");
}

#[tokio::test]
async fn a_media_type_is_told_only_where_it_is_another_than_the_wires() {
    for (media_type, is_told) in [("text/event-stream; charset=utf-8", false), ("text/html", true)] {
        let answer = Answer::status(200, &format!("content-type: {media_type}\r\n"), "\n\n");
        let line = outline(&answered("openai", answer).await);
        assert_eq!(line.contains(media_type), is_told, "{line}");
    }
}

#[tokio::test]
async fn what_a_provider_cannot_use_is_a_refusal_that_says_what() {
    use crate::model::Rejected;
    for (status, error, expected) in [
        (
            500,
            json!({ "code": 500, "type": "server_error", "message": "image input is not supported - hint: mmproj" }),
            Rejected::Media,
        ),
        (
            200,
            json!({ "code": 500, "type": "server_error", "message": "image input is not supported" }),
            Rejected::Media,
        ),
        (
            400,
            json!({ "message": "Invalid schema for function 'get_weather': no", "param": "tools[0].function.parameters" }),
            Rejected::Tool("get_weather".into()),
        ),
        (
            500,
            json!({ "message": "Failed to initialize samplers: failed to parse grammar" }),
            Rejected::SomeTool,
        ),
    ] {
        let body = match status {
            200 => format!("data: {}\n\n", json!({ "error": error })),
            _ => json!({ "error": error }).to_string(),
        };
        let deltas = answered("openai", Answer::status(status, "", body)).await;
        assert_eq!(last(&deltas), Err(ModelErrorKind::Refused), "{status} {error}");
        assert_eq!(deltas[0].as_ref().unwrap_err().rejected, Some(expected), "{status} {error}");
    }
}
