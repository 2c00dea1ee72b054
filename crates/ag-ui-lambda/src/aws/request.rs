//! From a front door's event to the request that the endpoint reads.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use lambda_runtime::Context;
use tokio::time::Instant;

use super::event::{Door, Event, Format};
use super::identity;
use crate::endpoint::{Claims, RunDeadline, Tenant};

/// How long an HTTP API waits for an answer, at most.
const HTTP_API_WAITS: Duration = Duration::from_secs(30);

/// What the two formats of an event hold alike.
struct Read {
    method: Method,
    /// Without the stage.
    path: String,
    headers: HeaderMap,
    body: Bytes,
    claims: Option<Claims>,
}

/// Makes the endpoint's request of an event: its path without the stage, its bytes, its deadline, the tenant of the
/// environment, and the claims that the front door has proven. Nothing else reaches the endpoint.
pub(super) fn read(event: Event, context: &Context) -> Request<Bytes> {
    let Event { door, format } = event;
    let Read { method, path, headers, body, claims } = match format {
        Format::V1(event) => v1(*event, door),
        Format::V2(event) => v2(*event),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri(&path);
    *request.headers_mut() = headers;
    if let Some(claims) = claims {
        request.extensions_mut().insert(claims);
    }
    if let Some(time) = time(door, remaining(context.deadline())) {
        request.extensions_mut().insert(RunDeadline(Instant::now() + time));
    }
    if let Some(tenant) = &context.tenant_id {
        request.extensions_mut().insert(Tenant(tenant.clone()));
    }
    request
}

fn v1(event: ApiGatewayProxyRequest, door: Door) -> Read {
    let path = event.path.unwrap_or_default();
    // A REST API's path comes without the stage, an HTTP API's with it.
    let stage = Some(event.request_context.stage.as_deref()).filter(|_| door == Door::HttpApi).flatten();
    // Here are all values of a repeated header, of which the other map has the last.
    let mut headers = event.multi_value_headers;
    for (name, value) in &event.headers {
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    Read {
        method: event.http_method,
        path: without_stage(&path, stage).to_owned(),
        headers,
        body: bytes(event.body, event.is_base64_encoded),
        claims: identity::rest(&event.request_context),
    }
}

fn v2(event: ApiGatewayV2httpRequest) -> Read {
    let context = event.request_context;
    let path = event.raw_path.unwrap_or_default();
    Read {
        path: without_stage(&path, context.stage.as_deref()).to_owned(),
        headers: event.headers,
        body: bytes(event.body, event.is_base64_encoded),
        claims: identity::url_or_http_api(&context),
        method: context.http.method,
    }
}

fn bytes(body: Option<String>, is_base64: bool) -> Bytes {
    let body = body.unwrap_or_default();
    if is_base64 {
        // What is no base64 is no body, and the endpoint says that this is no JSON.
        STANDARD.decode(&body).unwrap_or_default().into()
    } else {
        body.into()
    }
}

fn uri(path: &str) -> Uri {
    match path {
        "" => Uri::from_static("/"),
        // There is nothing at what is no path.
        path => Uri::try_from(path).unwrap_or(Uri::from_static("*")),
    }
}

fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let stage = stage.filter(|stage| *stage != "$default");
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// How long an answer may take, of what the function has left.
fn time(door: Door, remaining: Option<Duration>) -> Option<Duration> {
    match door {
        Door::HttpApi => Some(remaining.map_or(HTTP_API_WAITS, |time| time.min(HTTP_API_WAITS))),
        Door::Url | Door::RestApi => remaining,
    }
}

/// Time left until a deadline. One in the past means that there is none: `cargo lambda watch` sends 1970.
fn remaining(deadline: SystemTime) -> Option<Duration> {
    deadline.duration_since(SystemTime::now()).ok().filter(|remaining| !remaining.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_no_part_of_the_path() {
        for (path, stage, expected) in [
            ("/agui", None, "/agui"),
            ("/agui", Some("$default"), "/agui"),
            ("/prod/agui", Some("prod"), "/agui"),
            ("/prod", Some("prod"), "/"),
            ("/prod/", Some("prod"), "/"),
            ("/production/agui", Some("prod"), "/production/agui"),
            ("/agui", Some("prod"), "/agui"),
        ] {
            assert_eq!(without_stage(path, stage), expected, "{path}");
        }
    }

    #[test]
    fn a_deadline_in_the_past_is_none() {
        assert_eq!(remaining(SystemTime::UNIX_EPOCH + Duration::from_secs(600)), None);
        assert!(remaining(SystemTime::now() + Duration::from_secs(60)).is_some());
    }

    #[test]
    fn an_http_api_waits_30_s_and_a_run_behind_it_has_no_longer() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (door, remaining, expected) in [
            (Door::Url, seconds(300), seconds(300)),
            (Door::RestApi, seconds(300), seconds(300)),
            (Door::RestApi, None, None),
            (Door::HttpApi, seconds(300), seconds(30)),
            (Door::HttpApi, seconds(10), seconds(10)),
            (Door::HttpApi, None, seconds(30)),
        ] {
            assert_eq!(time(door, remaining), expected, "{door:?}, {remaining:?}");
        }
    }

    #[test]
    fn every_value_of_a_repeated_header_arrives() {
        let event = serde_json::json!({
            "httpMethod": "POST", "path": "/", "requestContext": {"httpMethod": "POST"},
            "headers": {"X-Agui-Token": "last", "Only-Here": "x"},
            "multiValueHeaders": {"X-Agui-Token": ["first", "last"]},
        });
        let event = Event::read(&event.to_string()).unwrap();

        let request = read(event, &Context::default());

        let values: Vec<_> = request.headers().get_all("x-agui-token").iter().collect();
        assert_eq!(values, ["first", "last"]);
        assert_eq!(request.headers()["only-here"], "x");
    }

    #[test]
    fn what_is_no_base64_is_no_body() {
        assert_eq!(bytes(Some("e30=".into()), true), "{}");
        assert_eq!(bytes(Some("e30=".into()), false), "e30=");
        assert_eq!(bytes(Some("{}".into()), true), "");
        assert_eq!(bytes(None, true), "");
    }
}
