//! Where a request shows the shared token.

use http::HeaderName;
use serde_json::json;

use crate::support::endpoint::{TOKEN, endpoint, post};

#[tokio::test]
async fn the_tokens_own_header_alone_counts_where_it_is_there() {
    let endpoint = endpoint().build().unwrap();
    let bare = || post().without("x-agui-token");
    let bearer = format!("Bearer {TOKEN}");
    let joined = format!("{TOKEN}, {TOKEN}");
    for (why, asked, status) in [
        ("its own header", post(), 200),
        ("the bearer", bare().header("authorization", &bearer), 200),
        ("the scheme in any case", bare().header("authorization", &bearer.replace('B', "b")), 200),
        ("both, the bearer wrong", post().header("authorization", "Bearer guess"), 200),
        ("both, the bearer SigV4's", post().header("authorization", "AWS4-HMAC-SHA256 Credential=x"), 200),
        ("both, its own wrong", post().header("x-agui-token", "guess").header("authorization", &bearer), 401),
        ("both, its own empty", post().header("x-agui-token", "").header("authorization", &bearer), 401),
        ("neither", bare(), 401),
        ("another scheme", bare().header("authorization", &format!("Basic {TOKEN}")), 401),
        ("no scheme", bare().header("authorization", TOKEN), 401),
        ("no token behind the scheme", bare().header("authorization", "Bearer "), 401),
        ("twice", post().and_header("x-agui-token", TOKEN), 401),
        ("twice, the second wrong", post().and_header("x-agui-token", "guess"), 401),
        ("twice, as AWS joins it", post().header("x-agui-token", &joined), 401),
        (
            "the bearer twice",
            bare().header("authorization", &bearer).and_header("authorization", &bearer),
            401,
        ),
        ("a prefix of it", post().header("x-agui-token", &TOKEN[..5]), 401),
        ("in the query", bare().at("POST", &format!("/?x-agui-token={TOKEN}&token={TOKEN}")), 401),
        ("in a cookie", bare().header("cookie", &format!("x-agui-token={TOKEN}")), 401),
        ("in the body", bare().input("token", json!(TOKEN)), 401),
        ("not ASCII", post().header("x-agui-token", "tökén"), 401),
    ] {
        assert_eq!(asked.to(&endpoint).await.status, status, "{why}");
    }
}

#[tokio::test]
async fn given_another_token_header_then_it_replaces_the_usual_one() {
    let name = HeaderName::from_static("x-my-key");
    let endpoint = endpoint().token_header(name).build().unwrap();
    let bare = || post().without("x-agui-token");
    for (why, asked, status) in [
        ("the named one", bare().header("x-my-key", TOKEN), 200),
        ("the usual one no longer counts", post(), 401),
        ("nor does it disturb", bare().header("x-my-key", TOKEN).header("x-agui-token", "guess"), 200),
        ("the bearer still does", bare().header("authorization", &format!("Bearer {TOKEN}")), 200),
        ("the named one twice", bare().header("x-my-key", TOKEN).and_header("x-my-key", TOKEN), 401),
    ] {
        assert_eq!(asked.to(&endpoint).await.status, status, "{why}");
    }
}
