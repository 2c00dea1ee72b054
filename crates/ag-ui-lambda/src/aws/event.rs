//! What Lambda hands over, told apart by its shape.
//!
//! Read from the events' own types, and not through lambda_http's request: that one keeps one value of a repeated
//! header, and panics at a host that is none.

use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json::readable;

/// A request, from a front door that is served.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) door: Door,
    pub(super) format: Format,
}

/// A front door that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// A function URL, or what stands in for one on a developer's machine.
    Url,
    RestApi,
    HttpApi,
}

/// How a request is written down.
#[derive(Debug)]
pub(super) enum Format {
    /// By a REST API, or by an HTTP API with payload format 1.0.
    V1(Box<ApiGatewayProxyRequest>),
    /// By a function URL, or by an HTTP API with payload format 2.0.
    V2(Box<ApiGatewayV2httpRequest>),
}

/// An event that is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unserved {
    #[error(
        "an Application Load Balancer is no front door of this function; \
         it serves function URLs, REST APIs and HTTP APIs"
    )]
    LoadBalancer,
    #[error(
        "the event is no HTTP request of a front door that this function serves: \
         function URLs, REST APIs and HTTP APIs"
    )]
    Unknown,
    #[error("the event of a front door can't be read: line {line}, column {column}")]
    Unreadable { line: usize, column: usize },
}

/// The members that tell events apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    version: Option<String>,
    request_context: ContextShape,
}

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
    /// Reads an event.
    ///
    /// # Errors
    /// [`Unserved`] for everything but a request of a door that is served.
    pub(super) fn read(json: &str) -> Result<Self, Unserved> {
        let json = &*readable(json.as_bytes());
        let Shape { version, request_context: context } =
            serde_json::from_slice(json).map_err(|_| Unserved::Unknown)?;
        let is_url = context.domain_name.as_deref().is_none_or(|domain| domain.contains(".lambda-url."));
        if context.http.is_some() {
            // Nothing else tells the two apart. Emulators of URLs name no API.
            let door = if is_url || context.api_id.is_none() { Door::Url } else { Door::HttpApi };
            let event = parse(json).or_else(|fault| with_text_claims(json).ok_or(fault))?;
            Ok(Self { door, format: Format::V2(event) })
        } else if context.http_method.is_some() {
            // A REST API's event has no version.
            let door = if version.as_deref() == Some("1.0") { Door::HttpApi } else { Door::RestApi };
            Ok(Self { door, format: Format::V1(parse(json)?) })
        } else if context.elb.is_some() {
            Err(Unserved::LoadBalancer)
        } else {
            Err(Unserved::Unknown)
        }
    }
}

/// The same event with all claims of its JWT authorizer as text, as HTTP APIs write them. Whoever stands in for one may write
/// numbers, booleans and lists as they are.
fn with_text_claims(json: &[u8]) -> Option<Box<ApiGatewayV2httpRequest>> {
    let mut event: Value = serde_json::from_slice(json).ok()?;
    let claims = event.pointer_mut("/requestContext/authorizer/jwt/claims")?.as_object_mut()?;
    claims.retain(|_, value| !value.is_null());
    for value in claims.values_mut().filter(|value| !value.is_string()) {
        *value = value.to_string().into();
    }
    serde_json::from_value(event).ok()
}

fn parse<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, Unserved> {
    // The error's own words may hold a value.
    serde_json::from_slice(json)
        .map_err(|error| Unserved::Unreadable { line: error.line(), column: error.column() })
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
    fn a_door_is_known_by_the_shape_of_its_events() {
        let url = "abc.lambda-url.us-east-1.on.aws";
        for (why, event, expected) in [
            ("a function URL", v2(json!({"domainName": url, "apiId": "abc"})), Ok(Door::Url)),
            ("an emulator that says little", v2(json!({})), Ok(Door::Url)),
            (
                "an emulator without an API",
                v2(json!({"domainName": "localhost", "apiId": null})),
                Ok(Door::Url),
            ),
            (
                "an HTTP API",
                v2(json!({"domainName": "a1.execute-api.us-east-1.amazonaws.com", "apiId": "a1"})),
                Ok(Door::HttpApi),
            ),
            (
                "an HTTP API with a domain of its own",
                v2(json!({"domainName": "api.example.com", "apiId": "a1"})),
                Ok(Door::HttpApi),
            ),
            ("an HTTP API, payload format 1.0", v1(json!("1.0")), Ok(Door::HttpApi)),
            ("a REST API", v1(Value::Null), Ok(Door::RestApi)),
            (
                "a load balancer",
                json!({"httpMethod": "POST", "path": "/", "requestContext": {"elb": {"targetGroupArn": "arn"}}}),
                Err(Unserved::LoadBalancer),
            ),
            ("a WebSocket API", json!({"requestContext": {"eventType": "CONNECT"}}), Err(Unserved::Unknown)),
            ("nothing", json!({}), Err(Unserved::Unknown)),
            ("no object", json!("warm"), Err(Unserved::Unknown)),
            ("null", Value::Null, Err(Unserved::Unknown)),
            (
                "EventBridge",
                json!({"version": "0", "detail-type": "Tick", "detail": {}}),
                Err(Unserved::Unknown),
            ),
        ] {
            assert_eq!(Event::read(&event.to_string()).map(|event| event.door), expected, "{why}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_makes_no_event_unreadable() {
        let mut event = v2(json!({}));
        event["body"] = json!("BODY");
        let event = event.to_string().replace("BODY", r#"cut \ud83d {\"a\":\"\\ud83d\"}"#);

        let Ok(Event { format: Format::V2(read), .. }) = Event::read(&event) else { panic!("it is read") };

        assert_eq!(
            read.body.as_deref(),
            Some("cut \u{fffd} {\"a\":\"\\ud83d\"}"),
            "the body's own escapes are its own"
        );
    }

    #[test]
    fn claims_that_are_no_text_are_read_as_text() {
        let claims = json!({"sub": "ada", "age": 36, "verified": true, "groups": ["a", "b"], "org": {"id": 1}, "no": null});
        let event = v2(json!({"authorizer": {"jwt": {"claims": claims, "scopes": null}}}));

        let Ok(Event { format: Format::V2(read), .. }) = Event::read(&event.to_string()) else {
            panic!("it is read")
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
    fn given_an_event_that_can_t_be_read_then_nothing_of_it_is_repeated() {
        let mut event = v2(json!({}));
        event["queryStringParameters"] = json!({"age": {"planted": 1}});

        let error = Event::read(&event.to_string()).unwrap_err();

        assert!(matches!(error, Unserved::Unreadable { .. }), "{error}");
        assert!(!error.to_string().contains("planted"), "{error}");
    }
}
