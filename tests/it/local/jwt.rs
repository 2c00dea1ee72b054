//! Local mode with the user's JWT as a proof of its own: the local issuer's JWTs are verified at every entry point.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Json as _, Server, events_of, who_am_i};

/// Gets a JWT of Amelie from the local issuer, which is valid for this many seconds.
async fn token(server: &Server, expires_in: i64) -> String {
    let request = server.dev_request(Method::POST, "/_dev/token");
    let body = json!({"person": "amelie", "expires_in": expires_in});
    let response = request.with_json(&body).send().await.unwrap();
    let issued: Value = response.text().await.unwrap().parse().unwrap();
    assert_eq!(issued["expires_in"], expires_in);
    issued["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn jwt_of_the_local_issuer_is_all_that_a_request_needs() {
    for (auth, with_shared_token) in [("jwt", 401), ("token_or_jwt", 200)] {
        let server = Server::local(&[("AGUI_AUTH", auth)]).await;
        let [good, expired] = [token(&server, 600).await, token(&server, -120).await];
        let send = |name: &'static str, value: String| {
            server.request(Method::POST, "/").header(name, value).with_json(&who_am_i()).send()
        };
        for (why, name, value, status) in [
            ("as the bearer", "authorization", format!("Bearer {good}"), 200),
            ("in its own header", "x-agui-user-token", good.clone(), 200),
            ("expired", "authorization", format!("Bearer {expired}"), 401),
            ("the shared token", "x-agui-token", server.key.clone(), with_shared_token),
        ] {
            let response = send(name, value).await.unwrap();
            assert_eq!(response.status(), status, "{auth}, {why}");
        }
        let events = events_of(send("authorization", format!("Bearer {good}")).await.unwrap()).await;
        assert!(Value::from(events).to_string().contains("amelie"), "{auth}");
        // The page does not send an empty token.
        let shown = server.session().await["token"].clone();
        assert_eq!(shown, if auth == "jwt" { json!("") } else { json!(server.key) }, "{auth}");
    }
}
