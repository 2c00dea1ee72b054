//! The routes of the server: its own are under `/_dev/`, one is the Invoke API of Lambda, and all others belong to the
//! function.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, HOST, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::caller::{CALLER_HEADER, Caller};
use super::error_response::{ErrorResponse, full, json};
use super::server_state::ServerState;
use super::shell::shell_word;
use super::{invoke, page, session, user_token};
use crate::http_response::{Body, BrokenOffError};

/// The longest body that Lambda accepts.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// After this time without a line, the stream of the log sends a comment.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Handles an HTTP request to the development server. A request for another host, or from a page whose origin is not
/// allowed, is refused before anything else. The response to a page of an allowed origin gets CORS headers.
pub(super) async fn handle(
    state: &Arc<ServerState>,
    request: Request<Incoming>,
) -> Result<Response<Body>, BrokenOffError> {
    let origin = match state.access.check_source(request.headers()) {
        Ok(origin) => origin,
        Err(error) => return Ok(ErrorResponse::from(error).into_response()),
    };
    let mut response = match route(state, request, origin.is_some()).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    if let Some(origin) = origin {
        allow_origin(response.headers_mut(), origin);
    }
    Ok(response)
}

/// Routes a request to the files of the page, to one of the server's own routes, or to the function. `is_foreign` is
/// whether the request comes from a page of an allowed foreign origin; such a page may ask by OPTIONS what it may send.
async fn route(
    state: &Arc<ServerState>,
    request: Request<Incoming>,
    is_foreign: bool,
) -> Result<Response<Body>, ErrorResponse> {
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
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|_| ErrorResponse {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "BODY_TOO_LARGE",
        message: format!("Lambda takes at most {MAX_BODY_BYTES} bytes."),
    })?;
    let request = Request::from_parts(head, body.to_bytes());
    let is_invocation = path.starts_with("/2015-03-31/functions/") && path.ends_with("/invocations");
    if !is_invocation && !path.starts_with("/_dev/") {
        return invoke::invoke(state, request).await;
    }
    state.access.check_key(request.headers())?;
    if is_invocation {
        return invoke::invoke_event(state, request.into_body()).await;
    }
    let own = path.trim_start_matches("/_dev/");
    match (request.method(), own) {
        (&Method::GET, "session") => Ok(json(StatusCode::OK, &session::session(state))),
        (&Method::GET, "log") => Ok(stream_log(state)),
        (&Method::POST, "token") => {
            Ok(json(StatusCode::OK, &user_token::issue(state, request.body()).await?))
        }
        (&Method::POST, "event") => describe_event(state, &request).await,
        (&Method::POST, own) if own.starts_with("faults/") => {
            let id = own.trim_start_matches("faults/");
            let body: Value = read_json(request.body())?;
            state.faults.apply(id, &body["value"], &state.host).await?;
            state.log.event(&fault_message(state, id, &body["value"]));
            Ok(json(StatusCode::OK, &state.faults.list(&state.host)))
        }
        _ => Err(ErrorResponse {
            status: StatusCode::NOT_FOUND,
            code: "NOT_FOUND",
            message: "The development server has no such route.".into(),
        }),
    }
}

/// Writes the log line about a fault that was set to `value`. After a rotation the line has the new token, for people who
/// send requests by hand.
fn fault_message(state: &ServerState, id: &str, value: &Value) -> String {
    match (id, session::token(state)) {
        ("rotate-token", Some(token)) => {
            format!("The shared token was rotated. {}: {token}", state.settings.token_header)
        }
        ("rotate-token" | "cold-start", _) => format!("Fault: {id}"),
        _ => format!("Fault: {id} = {value}"),
    }
}

/// A description of a request, for which the page asks for the event.
#[derive(Deserialize)]
struct EventRequest {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default, rename = "as")]
    caller: Caller,
}

/// Shows the page what a request would become: the body describes an HTTP request, and the response has the Lambda
/// event of that request and a curl command that sends it.
async fn describe_event(
    state: &ServerState,
    request: &Request<Bytes>,
) -> Result<Response<Body>, ErrorResponse> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let described: EventRequest = read_json(request.body())?;
    let mut builder = Request::builder().method(described.method.as_str()).uri(described.path.as_str());
    for (name, value) in &described.headers {
        builder = builder.header(name, value);
    }
    let request = builder.body(Bytes::from(described.body.clone())).map_err(ErrorResponse::bad_request)?;
    let event = invoke::event(state, request, &described.caller).await?;
    let curl = curl_command(host, &described);
    Ok(json(StatusCode::OK, &json!({ "event": event, "curl": curl })))
}

/// Writes a curl command that sends the described request to this host, for a person to copy into a shell.
fn curl_command(host: &str, request: &EventRequest) -> String {
    let EventRequest { method, path, headers, body, caller } = request;
    let caller = json!({ "entry_point": caller.entry_point.id(), "claims": caller.claims });
    let url = format!("http://{host}{path}");
    let mut line = format!("curl -N -X {} {}", shell_word(method), shell_word(&url));
    for (name, value) in headers {
        line += &format!(" \\\n  -H {}", shell_word(&format!("{name}: {value}")));
    }
    line += &format!(" \\\n  -H {}", shell_word(&format!("{CALLER_HEADER}: {caller}")));
    if !body.is_empty() {
        line += &format!(" \\\n  --data-raw {}", shell_word(body));
    }
    line
}

/// Creates the response that streams the function's log as server-sent events, without an end.
fn stream_log(state: &ServerState) -> Response<Body> {
    let lines = stream::unfold(state.log.read(), |mut reader| async move {
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

/// Adds to a response the CORS headers that let a page of this origin read it. Pages may not send the shared token, so its
/// header is not among the allowed ones.
fn allow_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    let allowed = "accept, authorization, content-type, last-event-id, x-agui-user-token, x-copilotcloud-public-api-key";
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after, www-authenticate"));
    headers.append(VARY, HeaderValue::from_static("origin"));
}

/// Reads the JSON body of a request to one of the server's own routes; an error response 400 if the body is malformed.
fn read_json<T: for<'de> Deserialize<'de>>(body: &Bytes) -> Result<T, ErrorResponse> {
    serde_json::from_slice(body).map_err(ErrorResponse::bad_request)
}
