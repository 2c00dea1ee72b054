//! The rotation function `ag-ui-rotate`: its four steps through its own process, while the agent's function serves requests.
//!
//! Secrets Manager is moto, which stores the versions and stages. The test sends the events.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::function::{Function, function, send_hello};
use crate::support::moto::Moto;
use crate::support::rotation_function::{RotationFunction, STEPS};

/// The number of requests of each kind of client before the next step.
const REQUESTS: usize = 12;
const KEY: &str = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;

const PLAIN_TOKEN: &str = "0123456789abcdef0123456789abcdef";
const JSON_TOKEN: &str = r#"{"token":"0123456789abcdef0123456789abcdef"}"#;

/// Starts the agent's function, which reads its token from this secret.
async fn agent(secret: &str, variables: &[(&str, &str)]) -> Function {
    let own = [("AGUI_TOKEN_SECRET_ID", secret), ("AGUI_MODEL", "scripted/demo")];
    function(Moto::shared().env().iter().chain(&own).chain(variables)).await
}

/// Returns the token of the version with this stage.
async fn token(secret: &str, stage: &str) -> String {
    let value = Moto::shared().secret(secret, stage).await.unwrap();
    let value: Value = serde_json::from_str(&value).unwrap();
    value["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rotation_under_load_refuses_no_token_holder() {
    let moto = Moto::shared();
    moto.create_secret("under-load", r#"{"token":"the-first-token-of-all-the-tokens","owner":"ops"}"#).await;
    let concurrent = [("AWS_LAMBDA_MAX_CONCURRENCY", "8")];
    let function = agent("under-load", &concurrent).await;
    let rotation = RotationFunction::start().await;
    let old = token("under-load", "AWSCURRENT").await;
    let (with_old, with_new, is_over) = (Cell::new(0), Cell::new(0), Cell::new(false));
    let send = async |token: &str| {
        let reply = send_hello(&function, token).await;
        let is_old = token == old;
        assert_eq!(reply.status, 200, "with the old token: {is_old}; {}", reply.text);
        let count = if is_old { &with_old } else { &with_new };
        count.set(count.get() + 1);
    };

    // Half of the clients keep the first token, the others read the current one for each request.
    let holders = (0..4).map(async |_| {
        while !is_over.get() {
            send(&old).await;
        }
    });
    let readers = (0..4).map(async |_| {
        while !is_over.get() {
            send(&token("under-load", "AWSCURRENT").await).await;
        }
    });
    let more = async |count: &Cell<usize>| {
        let before = count.get();
        while count.get() < before + REQUESTS {
            sleep(Duration::from_millis(2)).await;
        }
    };
    let rotate = async {
        more(&with_old).await;
        let (arn, version) = moto.begin_rotation("under-load").await;
        for step in STEPS {
            assert_eq!(rotation.invoke_step(step, &arn, &version).await, Ok(()), "{step}");
            more(&with_old).await;
        }
        more(&with_new).await;
        more(&with_old).await;
        is_over.set(true);
    };
    join(join(join_all(holders), join_all(readers)), rotate).await;

    let new = token("under-load", "AWSCURRENT").await;
    assert_ne!(new, old);
    assert_eq!(token("under-load", "AWSPREVIOUS").await, old);
    let value: Value = serde_json::from_str(&moto.secret("under-load", "AWSCURRENT").await.unwrap()).unwrap();
    assert_eq!((new.len(), &value["owner"]), (48, &json!("ops")));
    for (why, grace, status) in [("within the grace", "3600", 200), ("without one", "0", 401)] {
        let cold = agent("under-load", &[("AGUI_TOKEN_GRACE_S", grace)]).await;
        assert_eq!(send_hello(&cold, &old).await.status, status, "{why}, after a cold start");
        assert_eq!(send_hello(&cold, &new).await.status, 200, "{why}, after a cold start");
    }
    for secret in [&old, &new] {
        assert!(!rotation.log().contains(secret.as_str()), "a token stands in the log");
        assert!(!function.logs().join("\n").contains(secret.as_str()), "a token stands in the log");
    }
}

#[tokio::test]
async fn old_token_expires_exactly_after_its_grace() {
    let moto = Moto::shared();
    moto.create_secret("short-grace", r#"{"token":"the-token-that-dies-0123456789abcdef"}"#).await;
    let function = agent("short-grace", &[("AGUI_TOKEN_GRACE_S", "6")]).await;
    let rotation = RotationFunction::start().await;
    assert_eq!(send_hello(&function, "the-token-that-dies-0123456789abcdef").await.status, 200);
    let (arn, version) = moto.begin_rotation("short-grace").await;
    // moto truncates the creation date, at which the grace begins, to seconds.
    let earliest = Instant::now() + Duration::from_secs(5);
    for step in STEPS {
        assert_eq!(rotation.invoke_step(step, &arn, &version).await, Ok(()), "{step}");
    }

    assert_eq!(send_hello(&function, &token("short-grace", "AWSCURRENT").await).await.status, 200);
    while send_hello(&function, "the-token-that-dies-0123456789abcdef").await.status == 200 {
        sleep(Duration::from_millis(20)).await;
    }

    assert!(Instant::now() >= earliest, "it died before its grace was over");
    assert_eq!(send_hello(&function, &token("short-grace", "AWSCURRENT").await).await.status, 200);
}

#[tokio::test]
async fn pending_token_is_refused_before_the_last_step() {
    let moto = Moto::shared();
    moto.create_secret("pending", r#"{"token":"the-token-in-force-0123456789abcdef"}"#).await;
    let rotation = RotationFunction::start().await;
    let (arn, version) = moto.begin_rotation("pending").await;

    for (step, status) in STEPS.into_iter().zip([401, 401, 401, 200]) {
        assert_eq!(rotation.invoke_step(step, &arn, &version).await, Ok(()), "{step}");
        let cold = agent("pending", &[]).await;
        assert_eq!(
            send_hello(&cold, &token("pending", "AWSPENDING").await).await.status,
            status,
            "after {step}"
        );
        assert_eq!(
            send_hello(&cold, "the-token-in-force-0123456789abcdef").await.status,
            200,
            "after {step}"
        );
    }
}

#[tokio::test]
async fn schedule_test_passes_without_rotating() {
    let moto = Moto::shared();
    let rotation = RotationFunction::start().await;
    for (secret, value) in [("scheduled-token", JSON_TOKEN), ("scheduled-key", KEY)] {
        moto.create_secret(secret, value).await;
        let (arn, version) = moto.begin_rotation(secret).await;
        // Secrets Manager tests a version of its own, which has the current value.
        moto.put_pending(secret, &version, value).await;

        assert_eq!(rotation.invoke_step("testSecret", &arn, &version).await, Ok(()), "{secret}");

        assert_eq!(moto.secret(secret, "AWSPREVIOUS").await, None, "{secret}");
    }
}

#[tokio::test]
async fn repeated_steps_create_one_value_in_the_same_format() {
    let moto = Moto::shared();
    let rotation = RotationFunction::start().await;
    for (secret, value) in
        [("repeated-json", JSON_TOKEN), ("repeated-plain", PLAIN_TOKEN), ("repeated-key", KEY)]
    {
        moto.create_secret(secret, value).await;
        let (arn, version) = moto.begin_rotation(secret).await;
        assert_eq!(moto.secret(secret, "AWSPENDING").await, None, "the value is the function's to make");
        let mut created = None;
        for step in STEPS.into_iter().flat_map(|step| [step, step]) {
            assert_eq!(rotation.invoke_step(step, &arn, &version).await, Ok(()), "{secret}: {step}");
            let pending = moto.secret(secret, "AWSPENDING").await;
            assert_eq!(
                created.get_or_insert(pending.clone()),
                &pending,
                "{secret}: {step} makes no other value"
            );
        }
        // A step of a finished rotation is repeated.
        assert_eq!(rotation.invoke_step("createSecret", &arn, &version).await, Ok(()), "{secret}");

        let created = created.unwrap().unwrap();
        assert_eq!(moto.secret(secret, "AWSCURRENT").await.as_deref(), Some(created.as_str()), "{secret}");
        assert_eq!(moto.secret(secret, "AWSPREVIOUS").await.as_deref(), Some(value), "{secret}");
        let form = |value: &str| {
            let read: Option<Value> = serde_json::from_str(value).ok();
            read.and_then(|read| Some(read.as_object()?.keys().cloned().collect::<Vec<_>>()))
        };
        assert_eq!(form(&created), form(value), "{secret}");
        assert!(
            !rotation.log().contains(created.trim_matches(['{', '}'])),
            "{secret}: its value stands in the log"
        );
    }
}

#[tokio::test]
async fn invalid_rotation_changes_nothing() {
    let moto = Moto::shared();
    let rotation = RotationFunction::start().await;
    let none = "00000000-0000-4000-8000-000000000000".to_owned();

    moto.create_secret("turned-off", r#"{"token":"planted-value"}"#).await;
    let (arn, version) = moto.begin_rotation("turned-off").await;
    moto.cancel_rotation("turned-off").await;
    let refused = rotation.invoke_step("createSecret", &arn, &version).await;
    assert_eq!(refused, Err("rotation is off for the secret".into()));
    assert_eq!(moto.secret("turned-off", "AWSPENDING").await, None);

    for (secret, value, pending, step, expected) in [
        (
            "of-nothing",
            "{}",
            None,
            "createSecret",
            "AWSCURRENT is unusable: it is a JSON object without exactly",
        ),
        (
            "of-both",
            r#"{"token":"planted-value","key":"planted-value"}"#,
            None,
            "createSecret",
            "AWSCURRENT is unusable: it is a JSON object without exactly one",
        ),
        ("no-value", "planted-value", None, "testSecret", "AWSPENDING is unusable: it has no value"),
        (
            "no-value-at-the-end",
            "planted-value",
            None,
            "finishSecret",
            "AWSPENDING is unusable: it has no value",
        ),
        (
            "short-key",
            KEY,
            Some(r#"{"key":"planted-value"}"#),
            "testSecret",
            "AWSPENDING is unusable: the key of approvals has fewer than 32 characters",
        ),
        (
            "empty-token-at-the-end",
            "planted-value",
            Some(r#"{"token":""}"#),
            "finishSecret",
            "AWSPENDING is unusable: the token is empty",
        ),
    ] {
        moto.create_secret(secret, value).await;
        let (arn, version) = moto.begin_rotation(secret).await;
        if let Some(pending) = pending {
            moto.put_pending(secret, &version, pending).await;
        }

        let refused = rotation.invoke_step(step, &arn, &version).await.unwrap_err();

        assert!(refused.contains(expected), "{secret}: {refused}");
        let refused = rotation.invoke_step("createSecret", &arn, &none).await.unwrap_err();
        assert_eq!(refused, "the secret has no version of the id that is to be rotated in", "{secret}");
        assert_eq!(moto.secret(secret, "AWSCURRENT").await.as_deref(), Some(value), "{secret}");
    }

    moto.create_secret("not-pending", r#"{"token":"planted-value"}"#).await;
    let (arn, version) = moto.begin_rotation("not-pending").await;
    rotation.rotate("not-pending").await;
    let refused = rotation.invoke_step("finishSecret", &arn, &version).await.unwrap_err();
    assert_eq!(refused, "the version that is to be rotated in is not staged AWSPENDING");

    let refused = rotation.invoke_step("deleteSecret", &arn, &version).await.unwrap_err();
    assert!(refused.contains("deleteSecret") && refused.contains("finishSecret"), "{refused}");
    let refused = rotation.invoke_step("createSecret", "nowhere", &version).await.unwrap_err();
    assert!(refused.starts_with("DescribeSecret failed: "), "{refused}");

    assert!(rotation.log().contains("rotation failed"), "what was refused is logged");
    assert!(!rotation.log().contains("planted-value"), "a value stands in the log");
}
