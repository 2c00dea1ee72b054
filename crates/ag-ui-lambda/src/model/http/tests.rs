//! The adapter against small servers that speak each provider's wire.

mod connections;
mod errors;
mod requests;
mod server_differences;
mod settings;
mod stub;
mod surrogates;
mod turn_end;
mod wires;

use futures_util::StreamExt as _;
use secrecy::SecretString;
use serde_json::{Value, json};

use self::stub::{Stub, StubResponse};
use super::*;
use crate::model::{Call, CallResult, ModelSettings, StopReason, Turn, UserPart};
use crate::protocol::{ContentPart, PartKind, Tool};

const KEY: &str = "sk-test-0123456789";

/// The frames of a complete turn.
type Frames = fn() -> Vec<String>;

/// Each wire's adapter, and a turn on it.
const ALL: [(&str, Frames); 5] = [
    ("openai", wires::chat_frames),
    ("openai-responses", wires::responses_frames),
    ("anthropic", wires::anthropic_frames),
    ("gemini", wires::gemini_frames),
    ("ollama", wires::ollama_frames),
];

/// Returns a model whose provider is the stub.
fn model(adapter: &str, id: &str, stub: &Stub) -> HttpModel {
    let provider = Provider::named(adapter).unwrap();
    let path =
        if provider.wire == provider::Wire::Chat || adapter == "openai-responses" { "/v1" } else { "" };
    let key = provider.key_variable().map(|_| SecretString::from(KEY));
    let model = HttpModel::new(provider, id, key).base_url(&format!("{}{path}", stub.url())).unwrap();
    // The stub stands for the provider's own server.
    model.media_hosts(MediaHosts::public())
}

/// Returns a part of a user's message.
fn part(kind: PartKind) -> UserPart {
    UserPart::Content(ContentPart { kind, id: None, metadata: None })
}

/// Returns a text part of a user's message.
fn text(text: &str) -> UserPart {
    part(PartKind::Text { text: text.into() })
}

/// Returns a tool with this name and a schema.
fn tool(name: &str) -> Tool {
    let schema = json!({ "type": "object", "properties": { "location": { "type": "string" } } });
    Tool { name: name.into(), description: "Weather.".into(), parameters: Some(schema), metadata: None }
}

/// Returns a request with one message of the user and one tool.
fn request() -> Request {
    Request {
        instructions: Some("Be brief.".into()),
        history: vec![Turn::User(vec![text("Weather in Tokyo and Paris?")])],
        tools: [tool("get_weather")].into(),
        settings: ModelSettings::default(),
    }
}

/// Collects the deltas of a turn.
async fn all(model: &HttpModel, request: &Request) -> Vec<Result<Delta, ModelError>> {
    model.stream(request).collect().await
}

/// Returns the deltas of a turn that gets this response.
async fn deltas_of(adapter: &str, response: StubResponse) -> Vec<Result<Delta, ModelError>> {
    let stub = Stub::with_responses([response]);
    let model = model(adapter, "m", &stub).idle_timeout(Duration::from_millis(200));
    all(&model, &request()).await
}

/// Returns how a turn ended, and asserts that it ended once.
fn turn_end(deltas: &[Result<Delta, ModelError>]) -> Result<StopReason, ModelErrorKind> {
    let ends = deltas.iter().filter(|delta| matches!(delta, Ok(Delta::End(_)) | Err(_))).count();
    assert_eq!(ends, 1, "one end: {}", outline(deltas));
    match deltas.last().unwrap() {
        Ok(Delta::End(stop)) => Ok(*stop),
        Err(error) => Err(error.kind),
        Ok(_) => panic!("no end: {}", outline(deltas)),
    }
}

/// Formats the deltas with one on each line; a failure is its kind and cause.
fn outline(deltas: &[Result<Delta, ModelError>]) -> String {
    let line = |delta: &Result<Delta, ModelError>| match delta {
        Ok(Delta::Usage(usage)) => format!("Usage {}", json!(usage)),
        Ok(delta) => format!("{delta:?}"),
        Err(error) => {
            let chain = std::iter::successors(std::error::Error::source(error), |error| error.source());
            let causes: Vec<_> = chain.map(ToString::to_string).collect();
            format!("Err({:?}, {})", error.kind, causes.join(": "))
        }
    };
    deltas.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Formats events as `data:` lines.
fn sse(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// Formats events with their type as the event's name, as Anthropic and the Responses API send them.
fn named_sse(events: &[Value]) -> Vec<String> {
    let frame = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    events.iter().map(frame).collect()
}
