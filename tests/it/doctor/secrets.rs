//! What the checks say about secrets: those that the environment names, and those of the stack.

use std::collections::HashMap;

use super::Sample;
use super::account_stub::{AccountStub, Played};
use crate::support::moto::Moto;

/// A value that is long enough.
const LONG: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn secrets_of_the_environment_are_read() {
    let moto = Moto::shared();
    moto.create_secret("doctor-token", LONG).await;
    moto.create_secret("doctor-key", &format!("{{\"key\":\"{LONG}more\"}}")).await;
    let mut sample = Sample::new("secrets");
    for (name, value) in moto.env() {
        sample.set(name, value);
    }
    for name in ["AGUI_APPROVAL_SECRET_ID", "AGUI_WHO_SECRET_ID"] {
        sample.set(name, "doctor-key");
    }
    sample.set("AGUI_TOKEN_SECRET_ID", "doctor-token");

    let printed = sample.doctor(&[]).await;

    printed.assert_ok("token-secret", "doctor-token can be read and has 32 characters");
    printed.assert_ok("approval-secret", "doctor-key can be read and has 36 characters");
    printed.assert_ok("log-name-secret", "doctor-key can be read");
    assert!(!printed.text.contains(LONG), "{}", printed.text);
}

#[tokio::test]
async fn secrets_that_do_not_serve_fail() {
    let variables = [
        ("token-secret", "AGUI_TOKEN_SECRET_ID", "token"),
        ("approval-secret", "AGUI_APPROVAL_SECRET_ID", "key"),
        ("log-name-secret", "AGUI_WHO_SECRET_ID", "key"),
    ];
    for (check, variable, member) in variables {
        let other = format!("{{\"other\":\"{LONG}\"}}");
        let short = format!("{{\"{member}\":\"too-short\"}}");
        for (why, value, problem, fix) in [
            (
                "none",
                None,
                "there is no secret mine in eu-central-1",
                "aws secretsmanager create-secret --name mine",
            ),
            (
                "short",
                Some(Ok(short)),
                "has 9 characters, and needs 32",
                "aws secretsmanager put-secret-value --secret-id mine",
            ),
            ("another member", Some(Ok(other)), "is not JSON of the form", "put-secret-value"),
            (
                "deleted",
                Some(Err("InvalidRequestException")),
                "cannot be read: played InvalidRequestException",
                "restore-secret --secret-id mine",
            ),
        ] {
            let mut sample = Sample::new("secret-faults");
            let secrets: HashMap<_, _> = value.map(|value| ("mine", value)).into_iter().collect();
            let account = AccountStub::start(Played { secrets, ..Played::default() });
            sample.sign_in(&account.url());
            sample.set(variable, "mine");
            let printed = sample.doctor(&[]).await;
            printed.assert_failed(check, problem, fix);
            assert!(
                !printed.text.contains("too-short") && !printed.text.contains(LONG),
                "{why}: {}",
                printed.text
            );
        }
    }
}

#[tokio::test]
async fn token_is_read_as_the_function_reads_it() {
    for (value, expected) in [
        ("{token:0123456789abcdef0123456789abcdef}", Err("is not JSON of the form")),
        ("\"0123456789abcdef0123456789abcdef\"", Err("is not JSON of the form")),
        ("01234567890123456789012345678901", Ok("has 32 characters")),
        ("{\"token\":\" 0123456789abcdef0123456789abcdef \"}", Ok("has 32 characters")),
    ] {
        let account = AccountStub::start(Played {
            secrets: HashMap::from([("mine", Ok(value.to_owned()))]),
            ..Played::default()
        });
        let mut sample = Sample::new("token-forms");
        sample.sign_in(&account.url());
        sample.set("AGUI_TOKEN_SECRET_ID", "mine");
        let printed = sample.doctor(&[]).await;
        match expected {
            Ok(found) => printed.assert_ok("token-secret", found),
            Err(problem) => printed.assert_failed(
                "token-secret",
                problem,
                "put-secret-value --secret-id mine --region eu-central-1",
            ),
        }
    }
}

#[tokio::test]
async fn secrets_of_the_stack_are_read() {
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:SharedToken-AbCdEf";
    let mut sample = Sample::new("stack-secrets");
    let played = |secret: Result<String, &'static str>| Played {
        stack: Some("CREATE_COMPLETE"),
        outputs: vec![("TokenSecretArn", arn.to_owned())],
        secrets: HashMap::from([(arn, secret)]),
        ..Played::default()
    };
    let account = AccountStub::start(played(Ok(format!("{{\"token\":\"{LONG}\"}}"))));
    sample.sign_in(&account.url());
    let printed = sample.doctor(&[]).await;
    printed.assert_ok("token-secret", "SharedToken can be read and has 32 characters");
    printed.assert_skipped("approval-secret", "AGUI_APPROVAL_SECRET_ID names no secret");

    // The function has a role of its own.
    let account = AccountStub::start(played(Err("AccessDeniedException")));
    sample.sign_in(&account.url());
    sample.doctor(&[]).await.assert_skipped("token-secret", "you may not read the secret SharedToken");
}
