//! The promises of the adapter, against a server that speaks Bedrock's wire.

#[cfg(feature = "http-models")]
mod api_keys;
mod failures;
mod requests;
mod responses;
mod server;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use self::server::{End, StubResponse, StubServer, event};
use super::Bedrock;
use crate::model::{Delta, Model as _, ModelError, Request, Turn, UserPart};
use crate::protocol::{ContentPart, PartKind};

const CLAUDE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

/// Returns a part of a user's message.
fn part(kind: PartKind) -> UserPart {
    UserPart::Content(ContentPart { kind, id: None, metadata: None })
}

/// Returns a text part of a user's message.
fn text(text: &str) -> UserPart {
    part(PartKind::Text { text: text.into() })
}

/// Returns a request with this history and default settings.
fn request(history: impl Into<Vec<Turn>>) -> Request {
    Request { instructions: None, history: history.into(), tools: [].into(), settings: Default::default() }
}

/// Returns a request with one message of the user.
fn hello_request() -> Request {
    request([Turn::User(vec![text("Hello")])])
}

/// Returns the frame of a piece of text.
fn text_event(text: &str) -> Vec<u8> {
    event("contentBlockDelta", &json!({ "contentBlockIndex": 0, "delta": { "text": text } }))
}

/// Returns the frame with the stop reason.
fn stop_event(reason: &str) -> Vec<u8> {
    event("messageStop", &json!({ "stopReason": reason }))
}

/// Returns the frame with the token counts.
fn usage_event(usage: &Value) -> Vec<u8> {
    event("metadata", &json!({ "usage": usage, "metrics": { "latencyMs": 1 } }))
}

/// Returns the events of a short, complete response.
fn short_response() -> Vec<u8> {
    [
        text_event("Hi"),
        stop_event("end_turn"),
        usage_event(&json!({ "inputTokens": 3, "outputTokens": 1, "totalTokens": 4 })),
    ]
    .concat()
}

/// Collects the deltas of a turn, and the error that it ended with.
async fn collect_turn(model: &Bedrock, request: &Request) -> (Vec<Delta>, Option<ModelError>) {
    let mut stream = model.stream(request);
    let mut deltas = Vec::new();
    while let Some(delta) = stream.next().await {
        match delta {
            Ok(delta) => deltas.push(delta),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing follows an error");
                return (deltas, Some(error));
            }
        }
    }
    (deltas, None)
}

/// Collects the turn of a Claude model that gets these bytes as its event stream.
async fn deltas_of(bytes: Vec<u8>, end: End) -> (Vec<Delta>, Option<ModelError>) {
    let server = StubServer::with_responses([StubResponse::Events(bytes, end)]);
    collect_turn(&server.model(CLAUDE), &hello_request()).await
}

#[tokio::test]
async fn nothing_is_sent_before_the_stream_is_polled() {
    let server = StubServer::with_responses([]);
    let model = server.model(CLAUDE);

    drop(model.stream(&hello_request()));

    assert_eq!((model.name(), server.connections()), (&*format!("bedrock/{CLAUDE}"), 0));
}

#[tokio::test]
async fn warm_up_and_turns_share_one_connection() {
    let server = StubServer::with_responses([
        StubResponse::Events(short_response(), End::Complete),
        StubResponse::Events(short_response(), End::Complete),
    ]);
    let model = server.model(CLAUDE);

    model.warm_up().await;
    for _ in 0..2 {
        let (deltas, error) = collect_turn(&model, &hello_request()).await;
        assert!(error.is_none() && deltas.len() == 3, "{deltas:?} {error:?}");
    }

    let lines: Vec<String> = server.requests().into_iter().map(|(line, _)| line).collect();
    assert!(lines[0].starts_with("GET / ") && lines[1].starts_with("POST /model/"), "{lines:?}");
    assert_eq!((lines.len(), server.connections()), (3, 1));
}

#[tokio::test]
async fn an_unreachable_provider_does_not_delay_the_start() {
    let config = StubServer::with_responses([]).config();
    // A raw socket, because only its port counts, which is closed by then.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = config.into_builder().endpoint_url(format!("http://{closed}")).build();

    Bedrock::new(CLAUDE).with_config(&config).warm_up().await;
}
