//! What goes wrong, by kind.

use std::net::TcpListener;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockruntime::config::SharedCredentialsProvider;
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;

use super::server::{End, REQUEST_ID, StubResponse, StubServer, exception};
use super::{CLAUDE, collect_turn, deltas_of, hello_request, short_response, text_event};
use crate::error_chain::error_chain;
use crate::model::{Bedrock, Delta, Model as _, ModelErrorKind};

/// A refusal as Bedrock writes it.
fn error_response(status: u16, name: &str, message: &str) -> StubResponse {
    let header =
        if name.is_empty() { String::new() } else { format!("x-amzn-errortype: {name}:http://x/\r\n") };
    StubResponse::Error(status, header, json!({ "message": message }).to_string())
}

#[tokio::test]
async fn a_refused_request_has_kind_and_cause() {
    use ModelErrorKind::{ContextTooLong, Misconfigured, Refused, StreamCut, Throttled, Unavailable};
    for (status, name, message, expected) in [
        (429, "ThrottlingException", "Too many requests", Throttled),
        (400, "ServiceQuotaExceededException", "quota", Throttled),
        (429, "ModelNotReadyException", "not ready", Throttled),
        (429, "", "slow down", Throttled),
        (503, "ServiceUnavailableException", "busy", Unavailable),
        (500, "InternalServerException", "oops", Unavailable),
        (500, "", "oops", Unavailable),
        (502, "", "oops", Unavailable),
        (408, "ModelTimeoutException", "too slow", Unavailable),
        (424, "ModelErrorException", "the model failed", Unavailable),
        (424, "ModelStreamErrorException", "the stream failed", StreamCut),
        (400, "ValidationException", "malformed input request", Refused),
        (400, "ValidationException", "Input is too long for requested model.", ContextTooLong),
        (400, "ValidationException", "prompt is too long: 9 > 8", ContextTooLong),
        (400, "ValidationException", "The provided model identifier is invalid.", Misconfigured),
        (400, "", "malformed", Refused),
        (403, "AccessDeniedException", "role x may not", Misconfigured),
        (404, "ResourceNotFoundException", "no such model", Misconfigured),
        (403, "UnrecognizedClientException", "invalid token", Misconfigured),
        (403, "ExpiredTokenException", "expired", Misconfigured),
        (403, "InvalidSignatureException", "signature", Misconfigured),
        (401, "", "who?", Misconfigured),
    ] {
        let server = StubServer::with_responses([error_response(status, name, message)]);

        let (deltas, error) = collect_turn(&server.model(CLAUDE), &hello_request()).await;

        let error = error.unwrap();
        assert_eq!((deltas.len(), error.kind), (0, expected), "{status} {name} {message}");
        let cause = error_chain(&error);
        assert!(cause.contains(name) && cause.contains(message) && cause.contains(REQUEST_ID), "{cause}");
        assert_eq!(server.requests().len(), 1, "nothing is retried here");
    }
}

#[tokio::test]
async fn retry_after_is_kept() {
    for (header, expected) in
        [("retry-after: 7\r\n", Some(Duration::from_secs(7))), ("retry-after: soon\r\n", None), ("", None)]
    {
        let header = format!("x-amzn-errortype: ThrottlingException\r\n{header}");
        let server = StubServer::with_responses([StubResponse::Error(429, header, "{}".into())]);

        let (_, error) = collect_turn(&server.model(CLAUDE), &hello_request()).await;

        assert_eq!(error.unwrap().retry_after, expected);
    }
}

#[tokio::test]
async fn a_long_error_message_is_cut_short() {
    let body = json!({ "message": "m".repeat(1000), "echo": "what the user said" }).to_string();
    let header = "x-amzn-errortype: ValidationException\r\n".to_owned();
    let server = StubServer::with_responses([StubResponse::Error(400, header, body)]);

    let (_, error) = collect_turn(&server.model(CLAUDE), &hello_request()).await;

    let error = error.unwrap();
    let line = error_chain(&error);
    assert!(line.contains(&"m".repeat(300)) && !line.contains(&"m".repeat(301)), "{line}");
    assert!(!format!("{error:?}{line}").contains("what the user said"));
}

#[tokio::test]
async fn a_stream_exception_has_kind_and_cause() {
    use ModelErrorKind::{ContextTooLong, Refused, StreamCut, Throttled, Unavailable};
    for (name, message, expected) in [
        ("throttlingException", "Too many tokens per minute", Throttled),
        ("serviceUnavailableException", "busy", Unavailable),
        ("internalServerException", "oops", Unavailable),
        ("modelStreamErrorException", "the model failed", StreamCut),
        ("validationException", "malformed", Refused),
        ("validationException", "Input is too long", ContextTooLong),
        ("somethingNewException", "what?", StreamCut),
    ] {
        let bytes = [text_event("Let me"), exception(name, &json!({ "message": message }))].concat();

        let (deltas, error) = deltas_of(bytes, End::Complete).await;

        let error = error.unwrap();
        assert_eq!(deltas, [Delta::Text("Let me".into())], "{name}");
        assert_eq!(error.kind, expected, "{name}");
        let cause = error_chain(&error);
        assert!(cause.contains(message) && cause.contains(REQUEST_ID), "{cause}");
    }
}

#[tokio::test]
async fn a_broken_stream_counts_as_cut() {
    let mut damaged = text_event("damaged");
    damaged[20] ^= 1;
    let half = text_event("half")[..20].to_vec();
    let hi = || text_event("Hi");
    for (why, bytes, end) in [
        ("no messageStop", hi(), End::Complete),
        ("nothing at all", Vec::new(), End::Complete),
        ("dropped in the text", hi(), End::Dropped),
        ("dropped in a frame", [hi(), half.clone()].concat(), End::Dropped),
        ("ended in a frame", [hi(), half].concat(), End::Complete),
        ("a damaged frame", [hi(), damaged].concat(), End::Silent),
        ("no JSON", [hi(), super::event("messageStop", &json!("x"))].concat(), End::Silent),
    ] {
        let (deltas, error) = deltas_of(bytes, end).await;

        let error = error.unwrap();
        assert_eq!(error.kind, ModelErrorKind::StreamCut, "{why}");
        assert!(error_chain(&error).contains(REQUEST_ID), "{why}: {}", error_chain(&error));
        assert!(deltas.is_empty() || deltas == [Delta::Text("Hi".into())], "{why}: {deltas:?}");
    }
}

#[tokio::test]
async fn a_silent_provider_fails_the_turn() {
    let answers = |bytes| StubServer::with_responses([StubResponse::Events(bytes, End::Silent)]);
    for (why, server, expected) in [
        ("before any event", answers(Vec::new()), ModelErrorKind::Unavailable),
        ("after an event", answers(text_event("Hi")), ModelErrorKind::StreamCut),
    ] {
        let model = server.model(CLAUDE).idle_timeout(Duration::from_millis(300));

        let (_, error) = collect_turn(&model, &hello_request()).await;

        assert_eq!(error.unwrap().kind, expected, "{why}");
    }

    // A raw socket is used because it must not respond: its backlog accepts connections, and nothing is ever sent.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_, error) =
        collect_turn(&model_at(&mute).idle_timeout(Duration::from_millis(300)), &hello_request()).await;
    assert_eq!(error.unwrap().kind, ModelErrorKind::Unavailable);
}

#[tokio::test]
async fn an_unreachable_provider_is_unavailable() {
    // A raw socket is used only to find a port, which is closed again.
    let refusing = model_at(&TcpListener::bind("127.0.0.1:0").unwrap());
    let (_, error) = collect_turn(&refusing, &hello_request()).await;
    assert_eq!(error.unwrap().kind, ModelErrorKind::Unavailable);

    let resetting = StubServer::with_responses([StubResponse::Reset]);
    let (_, error) = collect_turn(&resetting.model(CLAUDE), &hello_request()).await;
    assert_eq!(error.unwrap().kind, ModelErrorKind::Unavailable);
}

#[tokio::test]
async fn a_model_without_credentials_or_region_is_misconfigured() {
    let bare = || SdkConfig::builder().behavior_version(BehaviorVersion::latest());
    let with_credentials = || StubServer::with_responses([]).config().into_builder();
    for (why, config) in [
        (
            "no credentials",
            bare().region(Region::new("eu-west-1")).endpoint_url("http://127.0.0.1:9").build(),
        ),
        ("failing credentials", with_credentials().credentials_provider(failing_credentials()).build()),
        ("no region", with_credentials().region(None).build()),
        ("no endpoint", with_credentials().region(None).endpoint_url("not a url").build()),
    ] {
        let (_, error) = collect_turn(&Bedrock::new(CLAUDE).with_config(&config), &hello_request()).await;

        let error = error.unwrap();
        assert_eq!(error.kind, ModelErrorKind::Misconfigured, "{why}: {}", error_chain(&error));
        let kept = format!("{error:?}");
        assert!(!kept.contains("s3cret") && !kept.contains("Hello"), "{why}: {kept}");
    }
}

#[tokio::test]
async fn dropping_the_stream_ends_the_turn() {
    let server = StubServer::with_responses([StubResponse::Events(text_event("Hi"), End::Silent)]);
    let model = server.model(CLAUDE);
    let mut stream = model.stream(&hello_request());

    let first = stream.next().await;
    drop(stream);

    assert!(matches!(first, Some(Ok(Delta::Text(_)))), "{first:?}");
    timeout(Duration::from_secs(10), server.hung_up.notified()).await.unwrap();
}

/// Credentials from an endpoint that has none.
fn failing_credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(EcsCredentialsProvider::builder().build())
}

/// Returns a model whose provider is this listener.
fn model_at(listener: &TcpListener) -> Bedrock {
    let url = format!("http://{}", listener.local_addr().unwrap());
    let config = StubServer::with_responses([]).config().into_builder().endpoint_url(url).build();
    Bedrock::new(CLAUDE).with_config(&config)
}

#[tokio::test]
async fn a_dead_reused_connection_is_replaced() {
    let complete_response = || StubResponse::Events(short_response(), End::Complete);
    let server = StubServer::with_responses([
        complete_response(),
        StubResponse::Reset,
        complete_response(),
        StubResponse::Reset,
        StubResponse::Reset,
    ]);
    let model = server.model(CLAUDE);

    for _ in 0..2 {
        let (_, error) = collect_turn(&model, &hello_request()).await;
        assert!(error.is_none(), "{error:?}");
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 2));
    assert_eq!(server.requests()[1], server.requests()[2], "the same request is sent again");

    let (_, error) = collect_turn(&model, &hello_request()).await;
    assert_eq!(error.unwrap().kind, ModelErrorKind::Unavailable, "the new one died too");
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn a_validation_exception_reports_the_rejected_part() {
    use crate::model::RejectedPart;
    for (message, expected) in [
        ("This model doesn't support the image content block that you provided.", Some(RejectedPart::Media)),
        (
            "The value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid.",
            Some(RejectedPart::UnnamedTool),
        ),
        ("tool name is longer than 64 characters", None),
    ] {
        let headers = "x-amzn-errortype: ValidationException\r\n".to_owned();
        let body = json!({ "message": message }).to_string();
        let server = StubServer::with_responses([StubResponse::Error(400, headers, body)]);
        let (_, error) = collect_turn(&server.model(CLAUDE), &hello_request()).await;
        let error = error.unwrap();
        assert_eq!((error.kind, error.rejected), (ModelErrorKind::Refused, expected), "{message}");
    }
}
