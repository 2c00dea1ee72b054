//! Secrets Manager out of order, slow or with a secret that holds no token: what the function answers then.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::{Function, ask, says, url_event};
use crate::support::moto::Moto;

#[tokio::test]
async fn given_no_secrets_manager_when_the_first_request_comes_then_it_is_503_until_that_is_back() {
    let faults = [Fault::Fails, Fault::Throttles, Fault::Refuses, Fault::Hangs];
    let cases = faults.map(async |fault| {
        let secret = format!("out-{fault:?}");
        Moto::shared().create_secret(&secret, "good").await;
        let proxy = FaultProxy::new(Some(fault)).await;
        let function = proxy.function(&secret, &[]).await;

        is_unavailable(&function, "good").await;
        is_unavailable(&function, "guess").await;

        proxy.set(None).await;
        assert_eq!(ask(&function, "good").await.status, 200, "{fault:?}");
        assert_eq!(ask(&function, "guess").await.status, 401, "{fault:?}");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn given_a_cached_token_when_secrets_manager_goes_then_it_still_decides() {
    let faults = [Fault::Fails, Fault::Throttles, Fault::Refuses, Fault::Hangs];
    let cases = faults.map(async |fault| {
        let secret = format!("gone-{fault:?}");
        Moto::shared().create_secret(&secret, "good").await;
        let proxy = FaultProxy::new(None).await;
        let function = proxy.function(&secret, &[]).await;
        assert_eq!(ask(&function, "good").await.status, 200, "{fault:?}");

        proxy.set(Some(fault)).await;

        assert_eq!(ask(&function, "guess").await.status, 401, "{fault:?}");
        assert_eq!(ask(&function, "good").await.status, 200, "{fault:?}");
    });
    join_all(cases).await;
}

#[tokio::test]
async fn given_no_event_yet_when_the_function_starts_then_it_reads_the_secret_and_the_first_request_does_not()
{
    Moto::shared().create_secret("warm", "good").await;
    let proxy = FaultProxy::new(None).await;
    let function = proxy.function("warm", &[]).await;

    timeout(Duration::from_secs(5), proxy.has_been_read()).await.unwrap();

    assert_eq!(ask(&function, "good").await.status, 200);
    assert_eq!(proxy.reads(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn given_a_slow_secrets_manager_when_first_requests_come_together_then_one_fetch_serves_them() {
    Moto::shared().create_secret("together", "good").await;
    let proxy = FaultProxy::new(Some(Fault::Hangs)).await;
    let function = proxy.function("together", &[("AWS_LAMBDA_MAX_CONCURRENCY", "16")]).await;
    let requests = join_all((0..16).map(|_| ask(&function, "good")));
    let recovery = async {
        proxy.has_been_read().await;
        // Time for all of them to arrive and wait.
        sleep(Duration::from_millis(200)).await;
        proxy.set(None).await;
    };

    let (replies, ()) = tokio::join!(requests, recovery);

    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(proxy.reads(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn a_plain_string_is_a_token_as_well_as_json_is() {
    for (why, secret, value, as_written) in [
        ("plain", "plain", "s3cret token", 200),
        ("plain with a line end", "plain-line", "s3cret token\n", 200),
        ("json", "json", r#"{"token":"s3cret token"}"#, 401),
        ("json with more members", "json-more", r#"{"v":2,"token":"s3cret token"}"#, 401),
    ] {
        Moto::shared().create_secret(secret, value).await;
        let proxy = FaultProxy::new(None).await;
        let function = proxy.function(secret, &[]).await;

        assert_eq!(ask(&function, "s3cret token").await.status, 200, "{why}");
        assert_eq!(ask(&function, "s3cret").await.status, 401, "{why}");
        assert_eq!(ask(&function, value.trim_end()).await.status, as_written, "{why}");
    }
}

#[tokio::test]
async fn given_a_secret_without_a_token_then_it_is_503_and_works_once_it_is_mended() {
    let moto = Moto::shared();
    for (why, secret, members) in [
        ("absent", "mend-absent", None),
        ("empty", "mend-empty", Some(json!({ "SecretString": " \n" }))),
        ("another member", "mend-member", Some(json!({ "SecretString": r#"{"tokem":"pl4nted"}"# }))),
        ("not a string", "mend-number", Some(json!({ "SecretString": r#"{"token":5}"# }))),
        ("bytes", "mend-bytes", Some(json!({ "SecretBinary": "cGw0bnRlZA==" }))),
    ] {
        if let Some(members) = &members {
            moto.create_secret_of(secret, members).await;
        }
        let proxy = FaultProxy::new(None).await;
        let function = proxy.function(secret, &[]).await;
        for presented in ["pl4nted", r#"{"tokem":"pl4nted"}"#, "5", "guess"] {
            is_unavailable(&function, presented).await;
        }
        let log = function.logs().join("\n");
        assert!(log.contains("fetch failed"), "{why}: {log}");
        assert!(!log.contains("pl4nted") && !log.contains("cGw0bnRlZA"), "{why}: {log}");

        match members {
            Some(_) => moto.rotate_secret(secret, "mended").await,
            None => moto.create_secret(secret, "mended").await,
        }
        assert_eq!(ask(&function, "mended").await.status, 200, "{why}");
    }
}

/// The function says that it can't tell, and when to ask again; not what was asked.
async fn is_unavailable(function: &Function, token: &str) {
    let event = url_event(&[("x-agui-token", token)], &says("Hello"));
    let mut answer = function.invoke(&event).await.unwrap();

    let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u32>().ok());
    let text = answer.text().await;
    assert_eq!(answer.status(), 503, "{text}");
    assert!(wait.is_some(), "no Retry-After");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["error"]["code"], "SECRET_UNAVAILABLE", "{text}");
    assert!(!text.contains("pl4nted") && !text.contains("guess"), "{text}");
}
