//! No log line contains a secret or a user's text, at the finest level that the template allows, and the search for leaks
//! finds planted ones. All other tests of the function search its log as well: `support/leak_checked.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ag_ui_dev::Issuer;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, function, test_function, url_event, user_input};
use crate::support::moto::Moto;

/// The beginning of every planted value, so that a part of one is found as well.
const MARK: &str = "pl4nted";

#[tokio::test]
async fn debug_log_contains_no_secret_or_text() {
    let moto = Moto::shared();
    let token = r#"{"token":"pl4nted-shared-token-0123456789abcdef"}"#;
    moto.create_secret("leak-token", token).await;
    moto.create_secret("leak-key", r#"{"key":"pl4nted-approval-key-0123456789abcdef"}"#).await;
    let issuer = Issuer::start().await.unwrap();
    let (url, jwks_url) = (issuer.url(), issuer.jwks_url());
    let of_it = [
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
        ("AGUI_MODEL", "scripted/demo"),
        ("AGUI_TOKEN_SECRET_ID", "leak-token"),
        ("AGUI_APPROVAL_SECRET_ID", "leak-key"),
        ("AGUI_AUTH", "both"),
        ("AGUI_JWT_ISSUER", url.as_str()),
        ("AGUI_JWT_AUDIENCE", "app"),
        ("AGUI_JWKS_URL", jwks_url.as_str()),
    ];
    let function = function(moto.env().iter().chain(&of_it)).await;
    let claims = json!({
        "sub": "pl4nted-user", "iss": url, "aud": "app", "exp": 4_102_444_800_u64,
        "email": "pl4nted@example.com", "permissions": "refunds:write", "custom:org_id": "pl4nted-org",
    });
    let user = issuer.sign(Algorithm::ES256, &claims).unwrap();
    let mut lesser = claims.clone();
    lesser["permissions"] = "openid".into();
    let lesser_user = issuer.sign(Algorithm::ES256, &lesser).unwrap();
    let forged = format!("{}.pl4nted", user.rsplit_once('.').unwrap().0);

    let mut statuses = Vec::new();
    for (shared, user, text) in [
        ("pl4nted-shared-token-0123456789abcdef", &user, "pl4nted: what is the weather in Pl4ntedville?"),
        ("pl4nted-shared-token-0123456789abcdef", &user, "pl4nted: who am I"),
        ("pl4nted-shared-token-0123456789abcdef", &user, "pl4nted: refund order pl4nted-order for 20"),
        ("pl4nted-shared-token-0123456789abcdef", &user, "pl4nted: fail"),
        ("pl4nted-shared-token-0123456789abcdef", &lesser_user, "pl4nted: refund order pl4nted-order for 20"),
        ("pl4nted-shared-token-0123456789abcdef", &forged, "pl4nted"),
        ("pl4nted-guess", &user, "pl4nted"),
    ] {
        let mut input = user_input(text);
        for member in ["state", "forwardedProps"] {
            input[member] = json!({"pl4nted-key": "pl4nted-value"});
        }
        input["context"] = json!([{"description": "pl4nted-what", "value": "pl4nted-context"}]);
        let headers = [("x-agui-token", shared), ("x-agui-user-token", user), ("cookie", "id=pl4nted")];
        let mut event = url_event(&headers, &input);
        event["rawQueryString"] = "q=pl4nted".into();
        event["requestContext"]["authorizer"] =
            json!({"jwt": {"claims": claims_as_texts(if user == &lesser_user { &lesser } else { &claims })}});
        statuses.push(Reply::send(&function, &event).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 401, 401]);
    function.kill().await;

    let log = function.logs();
    assert!(log.iter().any(|line| line.contains(r#""level":"DEBUG""#)), "DEBUG is on: {log:#?}");
    assert_eq!(log.iter().filter(|line| line.contains("run finished")).count(), 5);
    for line in &log {
        assert!(!line.to_ascii_lowercase().contains(MARK), "{line}");
    }
}

/// Returns claims as API Gateway passes them: every claim is a string.
fn claims_as_texts(claims: &Value) -> Value {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    claims.as_object().unwrap().iter().map(|(name, value)| (name.clone(), Value::from(text(value)))).collect()
}

/// Whether the search for leaks, when the function is dropped, finds one.
async fn is_found(function: Function) -> bool {
    function.kill().await;
    catch_unwind(AssertUnwindSafe(|| drop(function))).is_err()
}

#[tokio::test]
async fn leak_search_finds_planted_leaks() {
    let leaking = test_function(&[]).await;
    let event = url_event(&[("x-agui-token", TOKEN)], &user_input("log what I say"));
    assert_eq!(Reply::send(&leaking, &event).await.status, 200);
    assert!(is_found(leaking).await, "a message's text");

    let leaking = test_function(&[("AWS_LAMBDA_LOG_FORMAT", "JSON")]).await;
    let event = url_event(&[("x-agui-token", TOKEN)], &user_input("log what I \"say\" to you"));
    assert_eq!(Reply::send(&leaking, &event).await.status, 200);
    assert!(is_found(leaking).await, "a text that JSON writes in another way");

    let clean = test_function(&[]).await;
    let event = url_event(&[("x-agui-token", TOKEN)], &user_input("Good morning to you"));
    assert_eq!(Reply::send(&clean, &event).await.status, 200);
    assert!(!is_found(clean).await, "nothing is there");

    // No function may log what another test has planted.
    crate::support::secrets::register(r#"{"key":"log-this-very-key"}"#);
    let leaking = test_function(&[]).await;
    let event = url_event(&[("x-agui-token", TOKEN)], &user_input("log log-this-very-key please"));
    // Invokes the inner function, so that this text is not among the function's secrets.
    drop((*leaking).invoke(&event).await.unwrap().text().await);
    assert!(is_found(leaking).await, "a planted key");
}
