//! Custom domains with a base path: an API's own paths are served below it.

use serde_json::{Value, json};

use super::{replace, sample_event};
use crate::support::function::{Reply, TOKEN, local_function};

/// Returns the event of a REST API with a custom domain for another method, resource and path. The value of `{proxy+}` is
/// `proxy`, if the resource has it.
fn rest_event(method: &str, resource: &str, path: &str, proxy: Option<&str>) -> Value {
    let mut event = sample_event("rest-custom-domain.json");
    for (pointer, value) in [
        ("/httpMethod", method),
        ("/requestContext/httpMethod", method),
        ("/resource", resource),
        ("/requestContext/resourcePath", resource),
        ("/path", path),
        ("/requestContext/path", path),
    ] {
        replace(&mut event, pointer, value);
    }
    event["pathParameters"] = proxy.map_or(Value::Null, |proxy| json!({ "proxy": proxy }));
    event
}

/// Returns the event of an HTTP API with a custom domain for this route and path.
fn http_api_event(route: &str, path: &str, proxy: Option<&str>) -> Value {
    let mut event = sample_event("http-api-none.json");
    replace(&mut event, "/routeKey", route);
    replace(&mut event, "/rawPath", path);
    replace(&mut event, "/requestContext/http/path", path);
    event["pathParameters"] = proxy.map_or(Value::Null, |proxy| json!({ "proxy": proxy }));
    event
}

#[tokio::test]
async fn base_path_is_not_part_of_the_path() {
    let function = local_function(&[]).await;
    for (why, event, status) in [
        ("a run", rest_event("POST", "/{proxy+}", "/agent/agui", Some("agui")), 200),
        ("a base path of two parts", rest_event("POST", "/{proxy+}", "/v1/agent/agui", Some("agui")), 200),
        ("capabilities", rest_event("GET", "/{proxy+}", "/agent/capabilities", Some("capabilities")), 200),
        ("health", rest_event("GET", "/{proxy+}", "/agent/health", Some("health")), 200),
        ("the root", rest_event("POST", "/", "/agent", None), 200),
        ("the root with a slash", rest_event("POST", "/", "/agent/", None), 200),
        ("a resource of its own", rest_event("POST", "/agui", "/agent/agui", None), 200),
        ("capabilities as a resource", rest_event("GET", "/capabilities", "/agent/capabilities", None), 200),
        ("no base path", rest_event("POST", "/{proxy+}", "/agui", Some("agui")), 200),
        ("another path", rest_event("POST", "/{proxy+}", "/agent/other", Some("other")), 404),
        (
            "the base path twice",
            rest_event("POST", "/{proxy+}", "/agent/agent/agui", Some("agent/agui")),
            404,
        ),
        ("another method", rest_event("GET", "/{proxy+}", "/agent/agui", Some("agui")), 405),
        ("an HTTP API", http_api_event("ANY /{proxy+}", "/agent/agui", Some("agui")), 200),
        ("an HTTP API with a route of its own", http_api_event("POST /agui", "/agent/agui", None), 200),
        (
            "an HTTP API's default route, which has no path",
            http_api_event("$default", "/agent/agui", None),
            404,
        ),
    ] {
        let reply = Reply::send(&function, &event).await;
        assert_eq!(reply.status, status, "{why}: {}", reply.text);
    }
}

#[tokio::test]
async fn configured_path_is_that_of_the_api() {
    let function = local_function(&[("AGUI_PATH", "/chat")]).await;
    let event = rest_event("POST", "/{proxy+}", "/agent/chat", Some("chat"));
    assert!(event.to_string().contains(TOKEN), "{event}");
    assert_eq!(Reply::send(&function, &event).await.status, 200);
    let event = rest_event("POST", "/{proxy+}", "/agent/agui", Some("agui"));
    assert_eq!(Reply::send(&function, &event).await.status, 404);
}
