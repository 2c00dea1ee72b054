//! The server's own routes, under `/_dev/`, Lambda's route to invoke a function with an event, and the function's, which are
//! all others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL,
    CONTENT_TYPE, HOST, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::caller::{CALLER_HEADER, Caller};
use super::refusal::{Refusal, full, json};
use super::shared::Shared;
use super::shell::shell_word;
use super::{invoke, page, session};
use crate::http_answer::{Body, BrokenOff};

/// The longest body that Lambda takes.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// The longest silence of the log's stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Answers a request.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BrokenOff> {
    let origin = match shared.access.check_source(request.headers()) {
        Ok(origin) => origin,
        Err(refused) => return Ok(Refusal::from(refused).into_response()),
    };
    let mut response = match route(shared, request, origin.is_some()).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    if let Some(origin) = origin {
        allow(response.headers_mut(), origin);
    }
    Ok(response)
}

async fn route(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    is_foreign: bool,
) -> Result<Response<Body>, Refusal> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if is_foreign && head.method == Method::OPTIONS {
        let mut response = Response::new(full(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    if head.method == Method::GET
        && let Some(file) = page::file(&path)
    {
        return Ok(file.map(full));
    }
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|_| Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "BODY_TOO_LARGE",
        message: format!("Lambda takes at most {MAX_BODY_BYTES} bytes."),
    })?;
    let request = Request::from_parts(head, body.to_bytes());
    let is_invocation = path.starts_with("/2015-03-31/functions/") && path.ends_with("/invocations");
    if !is_invocation && !path.starts_with("/_dev/") {
        return invoke::invoke(shared, request).await;
    }
    shared.access.check_key(request.headers())?;
    if is_invocation {
        return invoke::invoke_event(shared, request.into_body()).await;
    }
    let own = path.trim_start_matches("/_dev/");
    match (request.method(), own) {
        (&Method::GET, "session") => Ok(json(StatusCode::OK, &session::session(shared))),
        (&Method::GET, "log") => Ok(log(shared)),
        (&Method::POST, "event") => event(shared, &request).await,
        (&Method::POST, own) if own.starts_with("faults/") => {
            let id = own.trim_start_matches("faults/");
            let body: Value = read(request.body())?;
            shared.faults.apply(id, &body["value"], &shared.host).await?;
            shared.log.event(&fault_message(shared, id, &body["value"]));
            Ok(json(StatusCode::OK, &shared.faults.list(&shared.host)))
        }
        _ => Err(Refusal {
            status: StatusCode::NOT_FOUND,
            code: "NOT_FOUND",
            message: "The development server has no such route.".into(),
        }),
    }
}

/// What the terminal says of a fault that was set. Whoever sends requests by hand needs a new token from there.
fn fault_message(shared: &Shared, id: &str, value: &Value) -> String {
    match (id, session::token(shared)) {
        ("rotate-token", Some(token)) => {
            format!("The shared token was rotated. {}: {token}", shared.settings.token_header)
        }
        ("rotate-token" | "cold-start", _) => format!("Fault: {id}"),
        _ => format!("Fault: {id} = {value}"),
    }
}

/// A request whose event is wanted.
#[derive(Deserialize)]
struct Sketch {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default, rename = "as")]
    caller: Caller,
}

/// The event that a request becomes, and the same request for curl.
async fn event(shared: &Shared, request: &Request<Bytes>) -> Result<Response<Body>, Refusal> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let Sketch { method, path, headers, body, caller } = read(request.body())?;
    let mut builder = Request::builder().method(method.as_str()).uri(path.as_str());
    for (name, value) in &headers {
        builder = builder.header(name, value);
    }
    let request = builder.body(Bytes::from(body.clone())).map_err(Refusal::bad_request)?;
    let event = invoke::event(shared, request, &caller).await?;
    let caller = json!({ "entry_point": caller.entry_point.id(), "claims": caller.claims });
    let curl = curl(&method, &format!("http://{host}{path}"), &headers, &caller, &body);
    Ok(json(StatusCode::OK, &json!({ "event": event, "curl": curl })))
}

/// A request as a line for a shell.
fn curl(method: &str, url: &str, headers: &BTreeMap<String, String>, caller: &Value, body: &str) -> String {
    let mut line = format!("curl -N -X {} {}", shell_word(method), shell_word(url));
    for (name, value) in headers {
        line += &format!(" \\\n  -H {}", shell_word(&format!("{name}: {value}")));
    }
    line += &format!(" \\\n  -H {}", shell_word(&format!("{CALLER_HEADER}: {caller}")));
    if !body.is_empty() {
        line += &format!(" \\\n  --data-raw {}", shell_word(body));
    }
    line
}

/// The log as server-sent events.
fn log(shared: &Shared) -> Response<Body> {
    let lines = stream::unfold(shared.log.read(), |mut reader| async move {
        let frame = match timeout(KEEP_ALIVE, reader.next()).await {
            Ok(Some(line)) => format!("data: {line}\n\n"),
            Ok(None) => return None,
            Err(_elapsed) => ": keep-alive\n\n".to_owned(),
        };
        Some((Ok(Frame::data(Bytes::from(frame))), reader))
    });
    let mut response = Response::new(StreamBody::new(lines).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Lets a page of an allowed origin read the answer. The shared token is not for pages, so its header is not allowed.
fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    let allowed = "authorization, content-type, x-agui-user-token, last-event-id";
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.append(VARY, HeaderValue::from_static("origin"));
}

fn read<T: for<'de> Deserialize<'de>>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(Refusal::bad_request)
}
