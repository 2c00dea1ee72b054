//! Decodes an event into the HTTP request that the endpoint handles.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use lambda_runtime::Context;
use tokio::time::Instant;

use super::claims;
use super::event::{Event, EventSource, Format};
use crate::auth::Claims;
use crate::endpoint::{CorsOfEntryPoint, RunDeadline, SourceAddress, Tenant};

/// How long an HTTP API waits for a response.
///
/// Source: API Gateway's quotas for HTTP APIs, "Maximum integration timeout".
const HTTP_API_TIMEOUT: Duration = Duration::from_secs(30);

/// What both formats of an event contain.
struct DecodedRequest {
    method: Method,
    /// The path without the stage.
    path: String,
    headers: HeaderMap,
    body: Bytes,
    claims: Option<Claims>,
    /// The address of the client, as the entry point reports it.
    source_ip: Option<String>,
}

/// Turns an event into an HTTP request for the endpoint. The extensions of the request hold the claims that the entry
/// point has proven, the address of the client, the deadline of the run, whether the entry point writes the CORS headers, and
/// the tenant of the invocation's `context`. Nothing else of the event reaches the endpoint.
pub(super) fn to_http(event: Event, context: &Context) -> Request<Bytes> {
    let Event { source, format } = event;
    let DecodedRequest { method, path, headers, body, claims, source_ip } = match format {
        Format::V1(event) => decode_format_1(*event, source),
        Format::V2(event) => decode_format_2(*event),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = to_uri(&path);
    *request.headers_mut() = headers;
    if let Some(claims) = claims {
        request.extensions_mut().insert(claims);
    }
    if let Some(address) = source_ip.and_then(|address| address.parse().ok()) {
        request.extensions_mut().insert(SourceAddress(address));
    }
    if let Some(time) = run_time(source, remaining(context.deadline())) {
        request.extensions_mut().insert(RunDeadline(Instant::now() + time));
    }
    match source {
        // Both have a setting for CORS of their own, and add the headers to the function's response.
        EventSource::FunctionUrl | EventSource::HttpApi => {
            request.extensions_mut().insert(CorsOfEntryPoint);
        }
        EventSource::RestApi => {}
    }
    if let Some(tenant) = &context.tenant_id {
        request.extensions_mut().insert(Tenant(tenant.clone()));
    }
    request
}

/// Decodes an event of payload format 1.0, which `source` has sent: a REST API or an HTTP API.
fn decode_format_1(event: ApiGatewayProxyRequest, source: EventSource) -> DecodedRequest {
    let path = event.path.unwrap_or_default();
    let resource = event.resource.as_deref().unwrap_or_default();
    let path = path_of_resource(resource, &event.path_parameters, &path).unwrap_or_else(|| {
        // The path of a REST API has no stage; the path of an HTTP API begins with it.
        let stage = Some(event.request_context.stage.as_deref());
        without_stage(&path, stage.filter(|_| source == EventSource::HttpApi).flatten()).to_owned()
    });
    // This map has all values of a repeated header, the other one only the last.
    let mut headers = event.multi_value_headers;
    for (name, value) in &event.headers {
        if !headers.contains_key(name) {
            headers.insert(name, value.clone());
        }
    }
    DecodedRequest {
        method: event.http_method,
        path,
        headers,
        body: decode_body(event.body, event.is_base64_encoded),
        claims: claims::from_format_1(source, &event.request_context),
        source_ip: event.request_context.identity.source_ip,
    }
}

/// Decodes an event of payload format 2.0, which a function URL or an HTTP API has sent.
fn decode_format_2(event: ApiGatewayV2httpRequest) -> DecodedRequest {
    let context = event.request_context;
    let path = event.raw_path.unwrap_or_default();
    // The route of an HTTP API, such as `POST /agui`. That of a function URL is always `$default`.
    let resource = event.route_key.as_deref().and_then(|route| Some(route.split_once(' ')?.1));
    let path = path_of_resource(resource.unwrap_or_default(), &event.path_parameters, &path)
        .unwrap_or_else(|| without_stage(&path, context.stage.as_deref()).to_owned());
    DecodedRequest {
        path,
        headers: event.headers,
        body: decode_body(event.body, event.is_base64_encoded),
        claims: claims::from_url_or_http_api(&context),
        method: context.http.method,
        source_ip: context.http.source_ip,
    }
}

/// Returns the bytes of a body, decoded from Base64 if `is_base64` is set. A missing body and a body of invalid
/// Base64 are empty.
fn decode_body(body: Option<String>, is_base64: bool) -> Bytes {
    let body = body.unwrap_or_default();
    if is_base64 {
        // The endpoint refuses an empty body as invalid JSON.
        STANDARD.decode(&body).unwrap_or_default().into()
    } else {
        body.into()
    }
}

/// Parses a path. An empty path becomes `/`, and an unusable one `*`, for which the endpoint has no route.
fn to_uri(path: &str) -> Uri {
    match path {
        "" => Uri::from_static("/"),
        // An unusable path is answered with 404, as `*` is.
        path => Uri::try_from(path).unwrap_or(Uri::from_static("*")),
    }
}

/// Returns the path of a request within its API, without the stage and without the base path of a custom domain, which are in
/// no other part of an event. It is the `resource` that serves the request, such as `/agui` or `/{proxy+}`, with the
/// `parameters` of the request in it.
///
/// `None` if `resource` is no path, if a parameter is missing, or if `path` does not end with the result, as that of an emulator.
fn path_of_resource(resource: &str, parameters: &HashMap<String, String>, path: &str) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = resource.strip_prefix('/').map(|_| resource)?;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}')?;
        expanded.push_str(before);
        expanded.push_str(parameters.get(name.strip_suffix('+').unwrap_or(name))?);
        rest = behind;
    }
    expanded.push_str(rest);
    // The root of an API with a base path has that path alone.
    (expanded == "/" || path.ends_with(&expanded)).then_some(expanded)
}

/// Returns `path` without the stage at its beginning. A path that does not begin with the stage is returned
/// unchanged; the stage `$default` is not part of any path.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let stage = stage.filter(|stage| *stage != "$default");
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Returns the longest time that the run may take: the `remaining` time of the invocation, but no longer than the
/// entry point waits for a response. `None` if neither is limited.
fn run_time(source: EventSource, remaining: Option<Duration>) -> Option<Duration> {
    match source {
        EventSource::HttpApi => Some(remaining.map_or(HTTP_API_TIMEOUT, |time| time.min(HTTP_API_TIMEOUT))),
        EventSource::FunctionUrl | EventSource::RestApi => remaining,
    }
}

/// Returns the time that is left until the deadline of the invocation. `None` if the deadline is in the past, which
/// means that there is no deadline: `cargo lambda watch` sends the year 1970.
fn remaining(deadline: SystemTime) -> Option<Duration> {
    deadline.duration_since(SystemTime::now()).ok().filter(|remaining| !remaining.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_is_removed_from_path() {
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
    fn base_path_and_stage_are_not_part_of_a_resource() {
        for (resource, parameters, path, expected) in [
            ("/{proxy+}", &[("proxy", "agui")][..], "/agui", Some("/agui")),
            ("/{proxy+}", &[("proxy", "agui")], "/agent/agui", Some("/agui")),
            (
                "/{proxy+}",
                &[("proxy", "support/capabilities")],
                "/v1/support/capabilities",
                Some("/support/capabilities"),
            ),
            ("/{path+}", &[("path", "health")], "/agent/health", Some("/health")),
            ("/chat/{proxy+}", &[("proxy", "agui")], "/agent/chat/agui", Some("/chat/agui")),
            ("/{tenant}/agui", &[("tenant", "acme")], "/agent/acme/agui", Some("/acme/agui")),
            ("/agui", &[], "/agui", Some("/agui")),
            ("/agui", &[], "/agent/agui", Some("/agui")),
            ("/agui", &[], "/live/agui", Some("/agui")),
            ("/", &[], "/", Some("/")),
            ("/", &[], "/agent", Some("/")),
            ("/{proxy+}", &[], "/agent/agui", None),
            ("/{proxy+}", &[("proxy", "other")], "/agent/agui", None),
            ("/{proxy", &[("proxy", "agui")], "/agui", None),
            ("/agui", &[], "/agui/", None),
            ("/agui", &[], "/other", None),
            ("$default", &[], "/agui", None),
            ("", &[], "/agui", None),
        ] {
            let parameters =
                parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let found = path_of_resource(resource, &parameters, path);
            assert_eq!(found.as_deref(), expected, "{resource}, {path}");
        }
    }

    #[test]
    fn past_deadline_is_no_deadline() {
        assert_eq!(remaining(SystemTime::UNIX_EPOCH + Duration::from_secs(600)), None);
        assert!(remaining(SystemTime::now() + Duration::from_secs(60)).is_some());
    }

    #[test]
    fn run_behind_http_api_has_at_most_30_s() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (source, remaining, expected) in [
            (EventSource::FunctionUrl, seconds(300), seconds(300)),
            (EventSource::RestApi, seconds(300), seconds(300)),
            (EventSource::RestApi, None, None),
            (EventSource::HttpApi, seconds(300), seconds(30)),
            (EventSource::HttpApi, seconds(10), seconds(10)),
            (EventSource::HttpApi, None, seconds(30)),
        ] {
            assert_eq!(run_time(source, remaining), expected, "{source:?}, {remaining:?}");
        }
    }

    #[test]
    fn repeated_header_keeps_all_values() {
        let event = serde_json::json!({
            "httpMethod": "POST", "path": "/", "requestContext": {"httpMethod": "POST"},
            "headers": {"X-Agui-Token": "last", "Only-Here": "x"},
            "multiValueHeaders": {"X-Agui-Token": ["first", "last"]},
        });
        let event = Event::parse(&event.to_string()).unwrap();

        let request = to_http(event, &Context::default());

        let values: Vec<_> = request.headers().get_all("x-agui-token").iter().collect();
        assert_eq!(values, ["first", "last"]);
        assert_eq!(request.headers()["only-here"], "x");
    }

    #[test]
    fn invalid_base64_is_an_empty_body() {
        assert_eq!(decode_body(Some("e30=".into()), true), "{}");
        assert_eq!(decode_body(Some("e30=".into()), false), "e30=");
        assert_eq!(decode_body(Some("{}".into()), true), "");
        assert_eq!(decode_body(None, true), "");
    }
}
