//! Payload format 2.0: the events of function URLs and of HTTP APIs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request};
use serde_json::{Map, Value, json};

/// What differs between a function URL and an HTTP API.
struct Api {
    id: &'static str,
    domain: String,
    account: &'static str,
}

/// Makes the Lambda event that a function URL sends for an HTTP request. `authorizer` is the member of that name in the
/// event; `None` leaves it out.
pub(super) fn function_url(request: &Request<Bytes>, authorizer: Option<Value>) -> Value {
    let id = "3f7wq5mxlkdj2tzn4cbyrgpahe6vus1o";
    let account = if authorizer.is_some() { "123456789012" } else { "anonymous" };
    event(request, authorizer, &Api { id, domain: format!("{id}.lambda-url.us-east-1.on.aws"), account })
}

/// Makes the Lambda event that an HTTP API, in its stage `$default`, sends for an HTTP request. `authorizer` is the member
/// of that name in the event; `None` leaves it out.
pub(super) fn http_api(request: &Request<Bytes>, authorizer: Option<Value>) -> Value {
    let id = "a1b2c3d4e5";
    let domain = format!("{id}.execute-api.us-east-1.amazonaws.com");
    event(request, authorizer, &Api { id, domain, account: "123456789012" })
}

/// Makes the Lambda event in payload format 2.0. `api` has what differs between a function URL and an HTTP API.
fn event(request: &Request<Bytes>, authorizer: Option<Value>, api: &Api) -> Value {
    let (uri, method) = (request.uri(), request.method().as_str());
    let mut headers: Map<String, Value> = Map::new();
    for name in request.headers().keys() {
        // The values of a repeated header are joined by commas.
        let values: Vec<String> = request.headers().get_all(name).iter().map(text).collect();
        headers.insert(name.to_string(), values.join(",").into());
    }
    let (body, is_base64) = body(request.body());
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": uri.path(),
        "rawQueryString": uri.query().unwrap_or_default(), "headers": headers,
        "requestContext": {
            "accountId": api.account, "apiId": api.id, "domainName": api.domain, "domainPrefix": api.id,
            "requestId": "bf4913d2-eed7-4048-a2dc-5373d55c50ec", "routeKey": "$default", "stage": "$default",
            "time": "23/Nov/2026:09:31:45 +0000", "timeEpoch": 1_795_426_305_000_i64,
            "http": {
                "method": method, "path": uri.path(), "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "ag-ui-dev",
            },
        },
        "body": body, "isBase64Encoded": is_base64,
    });
    if let Some(authorizer) = authorizer {
        event["requestContext"]["authorizer"] = authorizer;
    }
    event
}

/// Returns a request body for an event: as text, or in Base64 if it is not UTF-8. The second value is whether it is
/// Base64. The events of all entry points use this.
pub(super) fn body(body: &Bytes) -> (String, bool) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (BASE64_STANDARD.encode(body), true),
    }
}

/// Reads a header value as text; bytes that are not UTF-8 are replaced by U+FFFD.
pub(super) fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
