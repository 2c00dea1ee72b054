//! Rotation by `ag-ui-rotate`: the four steps through its own process, and the agent's function under load meanwhile.
//!
//! Secrets Manager is moto, which keeps the versions and stages; the test sends the events.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::function::{Function, ask, function};
use crate::support::moto::Moto;
use crate::support::rotator::{Rotator, STEPS};

/// What each kind of client has done before the next thing happens.
const REQUESTS: usize = 12;
const KEY: &str = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;

/// The agent's function with the token in this secret.
async fn agent(secret: &str, variables: &[(&str, &str)]) -> Function {
    let own = [("AGUI_TOKEN_SECRET_ID", secret), ("AGUI_MODEL", "scripted/demo")];
    function(Moto::shared().env().iter().chain(&own).chain(variables)).await
}

/// The token at this stage.
async fn token(secret: &str, stage: &str) -> String {
    let value = Moto::shared().secret(secret, stage).await.unwrap();
    let value: Value = serde_json::from_str(&value).unwrap();
    value["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn given_clients_under_load_when_the_token_is_rotated_then_no_holder_is_refused_and_the_old_one_dies() {
    let moto = Moto::shared();
    moto.create_secret("under-load", r#"{"token":"the-first-token-of-all","owner":"ops"}"#).await;
    let concurrent = [("AWS_LAMBDA_MAX_CONCURRENCY", "8")];
    let function = agent("under-load", &concurrent).await;
    let rotator = Rotator::start().await;
    let old = token("under-load", "AWSCURRENT").await;
    let (with_old, with_new, is_over) = (Cell::new(0), Cell::new(0), Cell::new(false));
    let asks = async |token: &str| {
        let reply = ask(&function, token).await;
        let is_old = token == old;
        assert_eq!(reply.status, 200, "with the old token: {is_old}; {}", reply.text);
        let count = if is_old { &with_old } else { &with_new };
        count.set(count.get() + 1);
    };

    // Half of the clients keep the token that they were given, the others read it anew for each request.
    let holders = (0..4).map(async |_| {
        while !is_over.get() {
            asks(&old).await;
        }
    });
    let readers = (0..4).map(async |_| {
        while !is_over.get() {
            asks(&token("under-load", "AWSCURRENT").await).await;
        }
    });
    let more = async |count: &Cell<usize>| {
        let before = count.get();
        while count.get() < before + REQUESTS {
            sleep(Duration::from_millis(2)).await;
        }
    };
    let rotation = async {
        more(&with_old).await;
        let (arn, version) = moto.begin_rotation("under-load").await;
        for step in STEPS {
            assert_eq!(rotator.step(step, &arn, &version).await, Ok(()), "{step}");
            more(&with_old).await;
        }
        more(&with_new).await;
        more(&with_old).await;
        is_over.set(true);
    };
    join(join(join_all(holders), join_all(readers)), rotation).await;

    let new = token("under-load", "AWSCURRENT").await;
    assert_ne!(new, old);
    assert_eq!(token("under-load", "AWSPREVIOUS").await, old);
    let value: Value = serde_json::from_str(&moto.secret("under-load", "AWSCURRENT").await.unwrap()).unwrap();
    assert_eq!((new.len(), &value["owner"]), (48, &json!("ops")));
    for (why, grace, status) in [("within the grace", "3600", 200), ("without one", "0", 401)] {
        let cold = agent("under-load", &[("AGUI_TOKEN_GRACE_S", grace)]).await;
        assert_eq!(ask(&cold, &old).await.status, status, "{why}, after a cold start");
        assert_eq!(ask(&cold, &new).await.status, 200, "{why}, after a cold start");
    }
    for secret in [&old, &new] {
        assert!(!rotator.log().contains(secret.as_str()), "a token stands in the log");
        assert!(!function.logs().join("\n").contains(secret.as_str()), "a token stands in the log");
    }
}

#[tokio::test]
async fn given_a_short_grace_when_the_token_is_rotated_then_the_old_one_dies_at_its_end_and_not_before() {
    let moto = Moto::shared();
    moto.create_secret("short-grace", r#"{"token":"the-token-that-dies"}"#).await;
    let function = agent("short-grace", &[("AGUI_TOKEN_GRACE_S", "6")]).await;
    let rotator = Rotator::start().await;
    assert_eq!(ask(&function, "the-token-that-dies").await.status, 200);
    let (arn, version) = moto.begin_rotation("short-grace").await;
    // moto cuts the creation date, from which the grace counts, to whole seconds.
    let earliest = Instant::now() + Duration::from_secs(5);
    for step in STEPS {
        assert_eq!(rotator.step(step, &arn, &version).await, Ok(()), "{step}");
    }

    assert_eq!(ask(&function, &token("short-grace", "AWSCURRENT").await).await.status, 200);
    while ask(&function, "the-token-that-dies").await.status == 200 {
        sleep(Duration::from_millis(20)).await;
    }

    assert!(Instant::now() >= earliest, "it died before its grace was over");
    assert_eq!(ask(&function, &token("short-grace", "AWSCURRENT").await).await.status, 200);
}

#[tokio::test]
async fn given_a_pending_token_then_it_is_not_admitted_before_the_last_step() {
    let moto = Moto::shared();
    moto.create_secret("pending", r#"{"token":"the-token-in-force"}"#).await;
    let rotator = Rotator::start().await;
    let (arn, version) = moto.begin_rotation("pending").await;

    for (step, status) in STEPS.into_iter().zip([401, 401, 401, 200]) {
        assert_eq!(rotator.step(step, &arn, &version).await, Ok(()), "{step}");
        let cold = agent("pending", &[]).await;
        assert_eq!(ask(&cold, &token("pending", "AWSPENDING").await).await.status, status, "after {step}");
        assert_eq!(ask(&cold, "the-token-in-force").await.status, 200, "after {step}");
    }
}

#[tokio::test]
async fn given_a_new_schedule_then_secrets_managers_test_of_it_passes_and_rotates_nothing() {
    let moto = Moto::shared();
    let rotator = Rotator::start().await;
    for (secret, value) in [("scheduled-token", r#"{"token":"a"}"#), ("scheduled-key", KEY)] {
        moto.create_secret(secret, value).await;
        let (arn, version) = moto.begin_rotation(secret).await;
        // It asks about a version of its own, which has the value in force.
        moto.put_pending(secret, &version, value).await;

        assert_eq!(rotator.step("testSecret", &arn, &version).await, Ok(()), "{secret}");

        assert_eq!(moto.secret(secret, "AWSPREVIOUS").await, None, "{secret}");
    }
}

#[tokio::test]
async fn given_steps_that_are_repeated_then_there_is_one_new_value_in_the_form_of_the_old_one() {
    let moto = Moto::shared();
    let rotator = Rotator::start().await;
    for (secret, value) in
        [("repeated-json", r#"{"token":"a"}"#), ("repeated-plain", "a"), ("repeated-key", KEY)]
    {
        moto.create_secret(secret, value).await;
        let (arn, version) = moto.begin_rotation(secret).await;
        assert_eq!(moto.secret(secret, "AWSPENDING").await, None, "the value is the function's to make");
        let mut made = None;
        for step in STEPS.into_iter().flat_map(|step| [step, step]) {
            assert_eq!(rotator.step(step, &arn, &version).await, Ok(()), "{secret}: {step}");
            let pending = moto.secret(secret, "AWSPENDING").await;
            assert_eq!(
                made.get_or_insert(pending.clone()),
                &pending,
                "{secret}: {step} makes no other value"
            );
        }
        // A step of a rotation that is over comes again.
        assert_eq!(rotator.step("createSecret", &arn, &version).await, Ok(()), "{secret}");

        let made = made.unwrap().unwrap();
        assert_eq!(moto.secret(secret, "AWSCURRENT").await.as_deref(), Some(made.as_str()), "{secret}");
        assert_eq!(moto.secret(secret, "AWSPREVIOUS").await.as_deref(), Some(value), "{secret}");
        let form = |value: &str| {
            let read: Option<Value> = serde_json::from_str(value).ok();
            read.and_then(|read| Some(read.as_object()?.keys().cloned().collect::<Vec<_>>()))
        };
        assert_eq!(form(&made), form(value), "{secret}");
        assert!(
            !rotator.log().contains(made.trim_matches(['{', '}'])),
            "{secret}: its value stands in the log"
        );
    }
}

#[tokio::test]
async fn a_rotation_that_must_not_be_is_refused_and_changes_nothing() {
    let moto = Moto::shared();
    let rotator = Rotator::start().await;
    let none = "00000000-0000-4000-8000-000000000000".to_owned();

    moto.create_secret("turned-off", r#"{"token":"planted-value"}"#).await;
    let (arn, version) = moto.begin_rotation("turned-off").await;
    moto.cancel_rotation("turned-off").await;
    let refused = rotator.step("createSecret", &arn, &version).await;
    assert_eq!(refused, Err("rotation is off for the secret".into()));
    assert_eq!(moto.secret("turned-off", "AWSPENDING").await, None);

    for (secret, value, pending, step, said) in [
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

        let refused = rotator.step(step, &arn, &version).await.unwrap_err();

        assert!(refused.contains(said), "{secret}: {refused}");
        let refused = rotator.step("createSecret", &arn, &none).await.unwrap_err();
        assert_eq!(refused, "the secret has no version of the id that is to be rotated in", "{secret}");
        assert_eq!(moto.secret(secret, "AWSCURRENT").await.as_deref(), Some(value), "{secret}");
    }

    moto.create_secret("not-pending", r#"{"token":"planted-value"}"#).await;
    let (arn, version) = moto.begin_rotation("not-pending").await;
    rotator.rotate("not-pending").await;
    let refused = rotator.step("finishSecret", &arn, &version).await.unwrap_err();
    assert_eq!(refused, "the version that is to be rotated in is not staged AWSPENDING");

    let refused = rotator.step("deleteSecret", &arn, &version).await.unwrap_err();
    assert!(refused.contains("deleteSecret") && refused.contains("finishSecret"), "{refused}");
    let refused = rotator.step("createSecret", "nowhere", &version).await.unwrap_err();
    assert!(refused.starts_with("DescribeSecret failed: "), "{refused}");

    assert!(rotator.log().contains("rotation failed"), "what was refused is logged");
    assert!(!rotator.log().contains("planted-value"), "a value stands in the log");
}
