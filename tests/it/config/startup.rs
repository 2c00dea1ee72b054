//! Starting the function: settings that are missing or unusable are in the log, each with its variable.

use std::time::Duration;

use ag_ui_dev::{Function, FunctionError};
use serde_json::Value;
use tokio::process::Command;

/// Starts a function with these settings, which must be invalid, and returns its log.
async fn refused_with(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
    command.env_clear().envs(variables.iter().copied());
    let function = Function::spawn(command).await.unwrap();
    match function.ready(Duration::from_secs(20)).await {
        Err(FunctionError::Exited { log, .. }) => log,
        other => panic!("the function started, or failed otherwise: {other:?}"),
    }
}

#[tokio::test]
async fn invalid_settings_are_named_in_the_log() {
    for (why, variables, expected) in [
        ("nothing is set", vec![], "AGUI_TOKEN_SECRET_ID must name the secret"),
        (
            "not on AWS",
            vec![],
            "unless AGUI_AUTH is `authorizer` or `jwt`; on your own machine set AGUI_LOCAL=1",
        ),
        ("no token in local mode", vec![("AGUI_LOCAL", "1")], "or AGUI_TOKEN hold the token itself"),
        ("no model", vec![("AGUI_TOKEN_SECRET_ID", "token")], "AGUI_MODEL must name a model"),
        (
            "a misspelt adapter",
            vec![("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "antropic/m")],
            "antropic (did you mean anthropic?)",
        ),
        ("a literal token in AWS", vec![("AGUI_TOKEN", "planted")], "AGUI_TOKEN is for local mode"),
        (
            "no such response mode",
            vec![
                ("AGUI_TOKEN_SECRET_ID", "token"),
                ("AGUI_MODEL", "scripted/demo"),
                ("AGUI_RESPONSE_MODE", "planted"),
            ],
            "AGUI_RESPONSE_MODE must be `stream` or `buffered`",
        ),
        (
            "an origin that no browser sends",
            vec![
                ("AGUI_TOKEN_SECRET_ID", "token"),
                ("AGUI_MODEL", "scripted/demo"),
                ("AGUI_ALLOWED_ORIGIN", "https://planted.example/app"),
            ],
            "AGUI_ALLOWED_ORIGIN must be `*` or one origin",
        ),
        (
            "an unknown adapter",
            vec![("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "psychic/m")],
            "AGUI_MODEL names an unknown adapter, psychic; the adapters are scripted, bedrock, openai,",
        ),
        (
            "no key",
            vec![("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "anthropic/m")],
            "ANTHROPIC_API_KEY must hold the key of the adapter anthropic, or AGUI_MODEL_SECRET_ID",
        ),
        (
            "a provider at no address",
            vec![
                ("AGUI_TOKEN_SECRET_ID", "token"),
                ("AGUI_MODEL", "openai/m"),
                ("OPENAI_API_KEY", "planted"),
                ("OPENAI_BASE_URL", "https://user:planted@api.example/v1"),
            ],
            "OPENAI_BASE_URL is unusable",
        ),
        (
            "keys from anywhere",
            vec![
                ("AGUI_LOCAL", "1"),
                ("AGUI_TOKEN", "planted"),
                ("AGUI_JWT_ISSUER", "https://issuer.example"),
                ("AGUI_JWT_AUDIENCE", "app"),
                ("AGUI_JWKS_URL", "http://issuer.example/keys"),
            ],
            "AGUI_JWKS_URL is unusable",
        ),
        (
            "an issuer whose keys can't be found safely",
            vec![
                ("AGUI_LOCAL", "1"),
                ("AGUI_TOKEN", "planted"),
                ("AGUI_JWT_ISSUER", "http://issuer.example"),
                ("AGUI_JWT_AUDIENCE", "app"),
            ],
            "AGUI_JWT_ISSUER is unusable",
        ),
    ] {
        let log = refused_with(&variables).await;

        assert!(log.contains("the function cannot serve") && log.contains(expected), "{why}: {log}");
        assert!(!log.contains("planted"), "{why}: {log}");
    }
}

#[tokio::test]
async fn every_unusable_setting_has_a_log_line() {
    let log = refused_with(&[
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AGUI_AUTH", "planted"),
        ("AGUI_MODEL", "scripted/planted"),
        ("AGUI_MAX_TURNS", "planted"),
        ("AGUI_RESPONSE_MODE", "planted"),
    ])
    .await;

    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let expected =
        ["AGUI_AUTH", "AGUI_TOKEN_SECRET_ID", "AGUI_MODEL", "AGUI_MAX_TURNS", "AGUI_RESPONSE_MODE"];
    let variables: Vec<&str> = lines.iter().filter_map(|line| line["variable"].as_str()).collect();
    assert_eq!(variables, expected, "{log}");
    let last = lines.last().unwrap();
    assert_eq!(last["message"], "the function cannot serve", "{log}");
    let cause = last["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("5 environment variables are missing or unusable: AGUI_AUTH must be"),
        "{cause}"
    );
    assert!(expected.iter().all(|variable| cause.contains(variable)), "{cause}");
    assert!(!log.contains("planted"), "{log}");
}

#[tokio::test]
async fn misspelt_variables_are_logged_with_a_suggestion() {
    let log = refused_with(&[("AGUI_TOKEN_SECERT_ID", "planted"), ("AGUI_LOCAL", "1")]).await;

    assert!(log.contains("this variable is not known and is ignored"), "{log}");
    assert!(log.contains("AGUI_TOKEN_SECERT_ID") && log.contains("AGUI_TOKEN_SECRET_ID"), "{log}");
    assert!(!log.contains("planted"), "{log}");
}
