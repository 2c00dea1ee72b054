//! Finds out which entry point an event of Lambda comes from, by the shape of its JSON.
//!
//! Events are read as the types of their own formats, and not as lambda_http's request: that type keeps one value of a
//! repeated header, and panics at a host that is not valid.

use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json::normalize;

/// An HTTP request, from an entry point that this function serves.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) source: EventSource,
    pub(super) format: Format,
}

/// An entry point that this function serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventSource {
    /// A function URL, or an emulator of one on a developer's machine.
    FunctionUrl,
    /// A REST API of API Gateway.
    RestApi,
    /// An HTTP API of API Gateway.
    HttpApi,
}

/// The payload format of an event.
#[derive(Debug)]
pub(super) enum Format {
    /// The event is of a REST API, or of an HTTP API with payload format 1.0.
    V1(Box<ApiGatewayProxyRequest>),
    /// The event is of a function URL, or of an HTTP API with payload format 2.0.
    V2(Box<ApiGatewayV2httpRequest>),
}

/// Why an event is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnsupportedEvent {
    /// An Application Load Balancer has sent the event.
    #[error(
        "this function does not serve an Application Load Balancer; \
         it serves function URLs, REST APIs and HTTP APIs"
    )]
    LoadBalancer,
    /// The event is not an HTTP request, or of an unknown shape.
    #[error(
        "the event is not an HTTP request of an entry point that this function serves: \
         function URLs, REST APIs and HTTP APIs"
    )]
    Unknown,
    /// The event's shape is known, but a member is not as its format has it.
    #[error("the event of an entry point cannot be read: line {line}, column {column}")]
    Unreadable { line: usize, column: usize },
}

/// The members by which events are distinguished.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    version: Option<String>,
    request_context: ContextShape,
}

/// The members of `requestContext` by which events are distinguished.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextShape {
    http: Option<IgnoredAny>,
    http_method: Option<IgnoredAny>,
    elb: Option<IgnoredAny>,
    domain_name: Option<String>,
    api_id: Option<String>,
}

impl Event {
    /// Parses the JSON of an event, and determines which entry point has sent it.
    ///
    /// # Errors
    /// [`UnsupportedEvent`] if the event is not an HTTP request of a function URL, a REST API or an HTTP API.
    pub(super) fn parse(json: &str) -> Result<Self, UnsupportedEvent> {
        let json = &*normalize(json.as_bytes());
        let Shape { version, request_context: context } =
            serde_json::from_slice(json).map_err(|_| UnsupportedEvent::Unknown)?;
        let is_url = context.domain_name.as_deref().is_none_or(|domain| domain.contains(".lambda-url."));
        if context.http.is_some() {
            // There is no other difference between the two. Emulators of function URLs name no API.
            let source = if is_url || context.api_id.is_none() {
                EventSource::FunctionUrl
            } else {
                EventSource::HttpApi
            };
            let event = parse_format(json).or_else(|error| parse_with_text_claims(json).ok_or(error))?;
            Ok(Self { source, format: Format::V2(event) })
        } else if context.http_method.is_some() {
            // The event of a REST API has no version.
            let source =
                if version.as_deref() == Some("1.0") { EventSource::HttpApi } else { EventSource::RestApi };
            Ok(Self { source, format: Format::V1(parse_format(json)?) })
        } else if context.elb.is_some() {
            Err(UnsupportedEvent::LoadBalancer)
        } else {
            Err(UnsupportedEvent::Unknown)
        }
    }
}

/// Parses an event of payload format 2.0 whose JWT authorizer has claims that are not text: turns these claims into
/// text first. `None` if the event has no such claims or is malformed in another place.
///
/// HTTP APIs write all claims as text, but emulators may write numbers, booleans and lists unchanged.
fn parse_with_text_claims(json: &[u8]) -> Option<Box<ApiGatewayV2httpRequest>> {
    let mut event: Value = serde_json::from_slice(json).ok()?;
    let claims = event.pointer_mut("/requestContext/authorizer/jwt/claims")?.as_object_mut()?;
    claims.retain(|_, value| !value.is_null());
    for value in claims.values_mut().filter(|value| !value.is_string()) {
        *value = value.to_string().into();
    }
    serde_json::from_value(event).ok()
}

/// Parses an event as the type `T` of its payload format.
///
/// # Errors
/// [`UnsupportedEvent::Unreadable`] with the place of the problem, and without any content of the event.
fn parse_format<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, UnsupportedEvent> {
    serde_json::from_slice(json)
        .map_err(|error| UnsupportedEvent::Unreadable { line: error.line(), column: error.column() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn v2(context: Value) -> Value {
        let mut event = json!({"version": "2.0", "rawPath": "/", "headers": {}, "requestContext": context});
        event["requestContext"]["http"] = json!({"method": "POST", "path": "/"});
        event
    }

    fn v1(version: Value) -> Value {
        json!({"version": version, "httpMethod": "POST", "path": "/", "headers": null, "multiValueHeaders": null,
            "requestContext": {"httpMethod": "POST", "domainName": "api.example.com", "apiId": "a"}})
    }

    #[test]
    fn entry_point_is_known_by_event_shape() {
        let url = "abc.lambda-url.us-east-1.on.aws";
        for (why, event, expected) in [
            ("a function URL", v2(json!({"domainName": url, "apiId": "abc"})), Ok(EventSource::FunctionUrl)),
            ("an emulator that sends little", v2(json!({})), Ok(EventSource::FunctionUrl)),
            (
                "an emulator without an API",
                v2(json!({"domainName": "localhost", "apiId": null})),
                Ok(EventSource::FunctionUrl),
            ),
            (
                "an HTTP API",
                v2(json!({"domainName": "a1.execute-api.us-east-1.amazonaws.com", "apiId": "a1"})),
                Ok(EventSource::HttpApi),
            ),
            (
                "an HTTP API with a domain of its own",
                v2(json!({"domainName": "api.example.com", "apiId": "a1"})),
                Ok(EventSource::HttpApi),
            ),
            ("an HTTP API, payload format 1.0", v1(json!("1.0")), Ok(EventSource::HttpApi)),
            ("a REST API", v1(Value::Null), Ok(EventSource::RestApi)),
            (
                "a load balancer",
                json!({"httpMethod": "POST", "path": "/", "requestContext": {"elb": {"targetGroupArn": "arn"}}}),
                Err(UnsupportedEvent::LoadBalancer),
            ),
            (
                "a WebSocket API",
                json!({"requestContext": {"eventType": "CONNECT"}}),
                Err(UnsupportedEvent::Unknown),
            ),
            ("nothing", json!({}), Err(UnsupportedEvent::Unknown)),
            ("not an object", json!("warm"), Err(UnsupportedEvent::Unknown)),
            ("null", Value::Null, Err(UnsupportedEvent::Unknown)),
            (
                "EventBridge",
                json!({"version": "0", "detail-type": "Tick", "detail": {}}),
                Err(UnsupportedEvent::Unknown),
            ),
        ] {
            assert_eq!(Event::parse(&event.to_string()).map(|event| event.source), expected, "{why}");
        }
    }

    #[test]
    fn event_with_lone_surrogate_is_readable() {
        let mut event = v2(json!({}));
        event["body"] = json!("BODY");
        let event = event.to_string().replace("BODY", r#"cut \ud83d {\"a\":\"\\ud83d\"}"#);

        let Ok(Event { format: Format::V2(read), .. }) = Event::parse(&event) else {
            panic!("the event is readable")
        };

        assert_eq!(
            read.body.as_deref(),
            Some("cut \u{fffd} {\"a\":\"\\ud83d\"}"),
            "escapes within the body are not touched"
        );
    }

    #[test]
    fn claims_are_read_as_text() {
        let claims = json!({"sub": "ada", "age": 36, "verified": true, "groups": ["a", "b"], "org": {"id": 1}, "no": null});
        let event = v2(json!({"authorizer": {"jwt": {"claims": claims, "scopes": null}}}));

        let Ok(Event { format: Format::V2(read), .. }) = Event::parse(&event.to_string()) else {
            panic!("the event is readable")
        };

        let claims = read.request_context.authorizer.unwrap().jwt.unwrap().claims;
        let expected = [
            ("sub", "ada"),
            ("age", "36"),
            ("verified", "true"),
            ("groups", r#"["a","b"]"#),
            ("org", r#"{"id":1}"#),
        ];
        assert_eq!(claims, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn error_repeats_nothing_of_the_event() {
        let mut event = v2(json!({}));
        event["queryStringParameters"] = json!({"age": {"planted": 1}});

        let error = Event::parse(&event.to_string()).unwrap_err();

        assert!(matches!(error, UnsupportedEvent::Unreadable { .. }), "{error}");
        assert!(!error.to_string().contains("planted"), "{error}");
    }
}
