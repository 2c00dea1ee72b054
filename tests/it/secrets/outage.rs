//! The function's responses while Secrets Manager fails, is slow, or has a secret without a token.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::{Function, send_hello, url_event, user_input};
use crate::support::moto::Moto;

/// The token in the secrets of these tests.
const GOOD: &str = "good-0123456789abcdef0123456789ab";
/// The token in a secret that was unusable before.
const MENDED: &str = "mended-0123456789abcdef0123456789";

#[tokio::test]
async fn cold_outage_is_503_until_recovery() {
    let faults = [Fault::InternalError, Fault::Throttled, Fault::ConnectionRefused, Fault::NoResponse];
    let cases = faults.map(async |fault| {
        let secret = format!("out-{fault:?}");
        Moto::shared().create_secret(&secret, GOOD).await;
        let proxy = FaultProxy::new(Some(fault)).await;
        let function = proxy.function(&secret, &[]).await;

        is_unavailable(&function, GOOD).await;
        is_unavailable(&function, "guess").await;

        proxy.set_fault(None).await;
        assert_eq!(send_hello(&function, GOOD).await.status, 200, "{fault:?}");
        assert_eq!(send_hello(&function, "guess").await.status, 401, "{fault:?}");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn cached_token_is_used_during_an_outage() {
    let faults = [Fault::InternalError, Fault::Throttled, Fault::ConnectionRefused, Fault::NoResponse];
    let cases = faults.map(async |fault| {
        let secret = format!("gone-{fault:?}");
        Moto::shared().create_secret(&secret, GOOD).await;
        let proxy = FaultProxy::new(None).await;
        let function = proxy.function(&secret, &[]).await;
        assert_eq!(send_hello(&function, GOOD).await.status, 200, "{fault:?}");

        proxy.set_fault(Some(fault)).await;

        assert_eq!(send_hello(&function, "guess").await.status, 401, "{fault:?}");
        assert_eq!(send_hello(&function, GOOD).await.status, 200, "{fault:?}");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn secret_is_fetched_at_startup() {
    Moto::shared().create_secret("warm", GOOD).await;
    let proxy = FaultProxy::new(None).await;
    let function = proxy.function("warm", &[]).await;

    timeout(Duration::from_secs(5), proxy.wait_for_read()).await.unwrap();

    assert_eq!(send_hello(&function, GOOD).await.status, 200);
    assert_eq!(proxy.reads(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn concurrent_first_requests_share_one_fetch() {
    Moto::shared().create_secret("together", GOOD).await;
    let proxy = FaultProxy::new(Some(Fault::NoResponse)).await;
    let function = proxy.function("together", &[("AWS_LAMBDA_MAX_CONCURRENCY", "16")]).await;
    let requests = join_all((0..16).map(|_| send_hello(&function, GOOD)));
    let recovery = async {
        proxy.wait_for_read().await;
        // Gives all requests the time to arrive and wait.
        sleep(Duration::from_millis(200)).await;
        proxy.set_fault(None).await;
    };

    let (replies, ()) = tokio::join!(requests, recovery);

    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(proxy.reads(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn accepts_plain_text_and_json_secrets() {
    for (why, secret, value, as_written) in [
        ("plain", "plain", "s3cret token of thirty-two characters", 200),
        ("plain with a line end", "plain-line", "s3cret token of thirty-two characters\n", 200),
        ("json", "json", r#"{"token":"s3cret token of thirty-two characters"}"#, 401),
        (
            "json with more members",
            "json-more",
            r#"{"v":2,"token":"s3cret token of thirty-two characters"}"#,
            401,
        ),
    ] {
        Moto::shared().create_secret(secret, value).await;
        let proxy = FaultProxy::new(None).await;
        let function = proxy.function(secret, &[]).await;

        assert_eq!(send_hello(&function, "s3cret token of thirty-two characters").await.status, 200, "{why}");
        assert_eq!(send_hello(&function, "s3cret").await.status, 401, "{why}");
        assert_eq!(send_hello(&function, value.trim_end()).await.status, as_written, "{why}");
    }
}

#[tokio::test]
async fn secret_without_a_usable_token_is_503_until_fixed() {
    let moto = Moto::shared();
    for (why, secret, members) in [
        ("absent", "mend-absent", None),
        ("empty", "mend-empty", Some(json!({ "SecretString": " \n" }))),
        ("another member", "mend-member", Some(json!({ "SecretString": r#"{"tokem":"pl4nted"}"# }))),
        ("not a string", "mend-number", Some(json!({ "SecretString": r#"{"token":5}"# }))),
        ("bytes", "mend-bytes", Some(json!({ "SecretBinary": "cGw0bnRlZA==" }))),
        ("a short token", "mend-short", Some(json!({ "SecretString": r#"{"token":"pl4nted"}"# }))),
        ("a short text", "mend-text", Some(json!({ "SecretString": "pl4nted" }))),
        ("broken JSON", "mend-json", Some(json!({ "SecretString": r#"{"tokem":"pl4nted""# }))),
    ] {
        if let Some(members) = &members {
            moto.create_secret_with(secret, members).await;
        }
        let proxy = FaultProxy::new(None).await;
        let function = proxy.function(secret, &[]).await;
        for presented in ["pl4nted", r#"{"tokem":"pl4nted"}"#, r#"{"tokem":"pl4nted""#, "5", "guess"] {
            is_unavailable(&function, presented).await;
        }
        let log = function.logs().join("\n");
        assert!(log.contains("a secret or key set could not be fetched"), "{why}: {log}");
        assert!(!log.contains("pl4nted") && !log.contains("cGw0bnRlZA"), "{why}: {log}");

        match members {
            Some(_) => moto.rotate_secret(secret, MENDED).await,
            None => moto.create_secret(secret, MENDED).await,
        }
        assert_eq!(send_hello(&function, MENDED).await.status, 200, "{why}");
    }
}

/// Checks the response of a function that cannot read its secret: 503 with a time to retry, and nothing of the request.
async fn is_unavailable(function: &Function, token: &str) {
    let event = url_event(&[("x-agui-token", token)], &user_input("Hello"));
    let mut answer = function.invoke(&event).await.unwrap();

    let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u32>().ok());
    let text = answer.text().await;
    assert_eq!(answer.status(), 503, "{text}");
    assert!(wait.is_some(), "no Retry-After");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["error"]["code"], "SECRET_UNAVAILABLE", "{text}");
    assert!(!text.contains("pl4nted") && !text.contains("guess"), "{text}");
}
