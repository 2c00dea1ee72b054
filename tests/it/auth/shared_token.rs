//! The headers in which a request can send the shared token.

use http::HeaderName;
use serde_json::json;

use crate::support::endpoint::{TOKEN, endpoint, run_request};

#[tokio::test]
async fn own_header_takes_precedence_over_authorization() {
    let endpoint = endpoint().build().unwrap();
    let bare = || run_request().without_header("x-agui-token");
    let bearer = format!("Bearer {TOKEN}");
    let joined = format!("{TOKEN}, {TOKEN}");
    for (why, request, status) in [
        ("its own header", run_request(), 200),
        ("the bearer", bare().header("authorization", &bearer), 200),
        ("the scheme in any case", bare().header("authorization", &bearer.replace('B', "b")), 200),
        ("both, the bearer wrong", run_request().header("authorization", "Bearer guess"), 200),
        (
            "both, the bearer SigV4's",
            run_request().header("authorization", "AWS4-HMAC-SHA256 Credential=x"),
            200,
        ),
        (
            "both, its own wrong",
            run_request().header("x-agui-token", "guess").header("authorization", &bearer),
            401,
        ),
        (
            "both, its own empty",
            run_request().header("x-agui-token", "").header("authorization", &bearer),
            401,
        ),
        ("neither", bare(), 401),
        ("another scheme", bare().header("authorization", &format!("Basic {TOKEN}")), 401),
        ("no scheme", bare().header("authorization", TOKEN), 401),
        ("no token behind the scheme", bare().header("authorization", "Bearer "), 401),
        ("twice", run_request().append_header("x-agui-token", TOKEN), 401),
        ("twice, the second wrong", run_request().append_header("x-agui-token", "guess"), 401),
        ("twice, as AWS joins it", run_request().header("x-agui-token", &joined), 401),
        (
            "the bearer twice",
            bare().header("authorization", &bearer).append_header("authorization", &bearer),
            401,
        ),
        ("a prefix of it", run_request().header("x-agui-token", &TOKEN[..5]), 401),
        ("in the query", bare().route("POST", &format!("/?x-agui-token={TOKEN}&token={TOKEN}")), 401),
        ("in a cookie", bare().header("cookie", &format!("x-agui-token={TOKEN}")), 401),
        ("in the body", bare().input("token", json!(TOKEN)), 401),
        ("not ASCII", run_request().header("x-agui-token", "tökén"), 401),
    ] {
        assert_eq!(request.send_to(&endpoint).await.status, status, "{why}");
    }
}

#[tokio::test]
async fn configured_header_replaces_the_default() {
    let name = HeaderName::from_static("x-my-key");
    let endpoint = endpoint().token_header(name).build().unwrap();
    let bare = || run_request().without_header("x-agui-token");
    for (why, request, status) in [
        ("the named one", bare().header("x-my-key", TOKEN), 200),
        ("the usual one no longer counts", run_request(), 401),
        ("nor does it disturb", bare().header("x-my-key", TOKEN).header("x-agui-token", "guess"), 200),
        ("the bearer still does", bare().header("authorization", &format!("Bearer {TOKEN}")), 200),
        ("the named one twice", bare().header("x-my-key", TOKEN).append_header("x-my-key", TOKEN), 401),
    ] {
        assert_eq!(request.send_to(&endpoint).await.status, status, "{why}");
    }
}
