//! Pages of other sites, and requests without the key, can do nothing.

use reqwest::Method;
use serde_json::json;

use super::{Json as _, Server, who_am_i};

const ROUTES: [(&str, &str); 7] = [
    ("GET", "/_dev/session"),
    ("GET", "/_dev/log"),
    ("POST", "/_dev/event"),
    ("POST", "/_dev/faults/freeze"),
    ("GET", "/_dev/nothing"),
    ("POST", "/2015-03-31/functions/function/invocations"),
    ("GET", "/capabilities"),
];

#[tokio::test]
async fn without_key_only_page_and_health_are_served() {
    let server = Server::local(&[]).await;

    for (method, path) in ROUTES {
        let method: Method = method.parse().unwrap();
        for key in [None, Some("wrong"), Some("")] {
            let mut request = server.request(method.clone(), path).with_json(&json!({}));
            if let Some(key) = key {
                request = request.header("x-agui-dev-key", key).header("x-agui-token", key);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path} with {key:?}");
        }
    }
    let chosen = server.request(Method::POST, "/").header("x-agui-dev-as", "amelie").with_json(&who_am_i());
    assert_eq!(chosen.send().await.unwrap().status(), 401, "nobody chooses a caller without the key");
    let wrong = server.run("wrong", &who_am_i()).send().await.unwrap();
    assert_eq!(wrong.status(), 401, "the function itself wants its token");
}

#[tokio::test]
async fn foreign_origins_and_rebound_hosts_are_refused() {
    let server = Server::local(&[("AGUI_CORS_ORIGINS", "https://app.example.com")]).await;
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let foreign = [
        ("origin", "https://evil.example".to_owned()),
        ("origin", "null".to_owned()),
        ("origin", "http://127.0.0.1:1".to_owned()),
        ("host", format!("evil.example:{port}")),
        ("host", format!("localhost.evil.example:{port}")),
    ];

    let all = [
        &ROUTES[..],
        &[("GET", "/"), ("GET", "/_dev/main.js"), ("GET", "/health"), ("POST", "/"), ("OPTIONS", "/")],
    ];
    for (method, path) in all.concat() {
        for (name, value) in &foreign {
            let method: Method = method.parse().unwrap();
            let request =
                server.dev_request(method, path).header("x-agui-token", &server.key).header(*name, value);
            let answer = request.with_json(&who_am_i()).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{path} with {name}: {value}");
            assert!(
                !answer.headers().contains_key("access-control-allow-origin"),
                "{path} with {name}: {value}"
            );
        }
    }
}

#[tokio::test]
async fn allowed_origin_gets_cors_headers() {
    let origin = "https://app.example.com";
    let server = Server::local(&[("AGUI_CORS_ORIGINS", origin)]).await;

    let preflight = server.request(Method::OPTIONS, "/").header("origin", origin);
    let preflight = preflight.header("access-control-request-method", "POST").send().await.unwrap();
    assert_eq!(preflight.status(), 204);
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && !allowed.contains("x-agui-token"), "{allowed}");

    // The function writes these headers for a REST API. There must be only one of each.
    for entry_point in ["function-url", "rest-lambda"] {
        let run = server.request(Method::POST, "/").header("origin", origin).bearer_auth(&server.key);
        let run = run.header("x-agui-dev-as", json!({"entry_point": entry_point}).to_string());
        let run = run.with_json(&who_am_i()).send().await.unwrap();
        assert_eq!(run.status(), 200, "{entry_point}");
        let allowed: Vec<_> = run.headers().get_all("access-control-allow-origin").iter().collect();
        assert_eq!(allowed, [origin], "{entry_point}");
    }
}
