//! An endpoint that answers as one of the library does, with one fault that a test chooses.

use std::convert::Infallible;

use ag_ui_dev::loopback::Loopback;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};

/// The token that the endpoint accepts.
pub(super) const TOKEN: &str = "a-token-of-32-characters-or-more";
/// The origin whose pages may call.
pub(super) const ORIGIN: &str = "https://app.example";

/// A request as the endpoint has read it.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    /// The token; empty if the request has no token.
    pub(super) token: String,
    /// The header `Authorization`, and `x-agui-user-token`; empty if the request has none.
    pub(super) authorization: String,
    pub(super) user_token: String,
    origin: String,
    /// The input of a run.
    pub(super) input: Value,
}

/// Changes a response that would be right.
pub(super) type Fault = fn(&Asked, Response<String>) -> Response<String>;

/// Starts an endpoint with a fault.
pub(super) fn start(fault: Fault) -> Loopback {
    let respond = move |request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let header = |name: &str| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let asked = Asked {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            token: header("x-agui-token"),
            authorization: header("authorization"),
            user_token: header("x-agui-user-token"),
            origin: header("origin"),
            input: serde_json::from_slice(&body).unwrap_or_default(),
        };
        let response = fault(&asked, right(&asked));
        Ok::<_, Infallible>(response.map(|text| Full::new(Bytes::from(text))))
    };
    Loopback::serve(respond).unwrap()
}

/// Answers as an endpoint of the library does.
fn right(asked: &Asked) -> Response<String> {
    let mut response = Response::builder();
    if asked.origin == ORIGIN {
        response = response.header("access-control-allow-origin", ORIGIN);
    }
    let response = match (&asked.method, asked.path.as_str()) {
        (&Method::OPTIONS, _) => response
            .status(204)
            .header("access-control-allow-headers", "authorization, content-type")
            .body(String::new()),
        (&Method::GET, "/health") => response.body(json!({"status": "ok"}).to_string()),
        (&Method::POST, "/") if asked.token == TOKEN => response
            .header("content-type", "text/event-stream")
            .header("cache-control", "no-cache, no-transform")
            .header("x-accel-buffering", "no")
            .body(events(&["RUN_STARTED", "RUN_FINISHED"])),
        (&Method::POST, "/") => response
            .status(401)
            .header("www-authenticate", "Bearer")
            .body(json!({"error": {"code": "UNAUTHENTICATED"}}).to_string()),
        (_, "/") => response.status(405).header("allow", "POST").body(String::new()),
        _ => response.status(404).body(String::new()),
    };
    response.unwrap()
}

/// Returns a stream with events of these types.
pub(super) fn events(types: &[&str]) -> String {
    types.iter().map(|kind| format!("data: {}\n\n", json!({ "type": kind }))).collect()
}
