//! `make deploy WITH=cargo-lambda`: what it refuses before it builds, and what it sets after cargo-lambda.

use std::fs;

use serde_json::{Value, json};

use super::machine::{Machine, Printed};
use super::pasted::{paste_run, printed_commands};
use super::template::documented_headers;

const ROLE: (&str, &str) = ("ROLE", "arn:aws:iam::123456789012:role/agent");

/// The settings for a deployment with cargo-lambda.
const CARGO_LAMBDA: [(&str, &str); 3] =
    [("WITH", "cargo-lambda"), ("AGUI_MODEL", "a/m,b/n"), ("AGUI_TOKEN_SECRET_ID", "token")];

/// Deploys with these variables besides the settings.
fn deploy(machine: &Machine, variables: &[(&str, &str)]) -> Printed {
    machine.run(&["make", "deploy"], &[&CARGO_LAMBDA, variables].concat())
}

/// Returns the actions that are allowed for everyone, with their conditions: of the alias `live`, or of the function (``).
fn public_permissions(machine: &Machine, qualifier: &str) -> Vec<Value> {
    let state = machine.state();
    let policy =
        state["functions"]["shop-agent"]["policies"][qualifier].as_array().cloned().unwrap_or_default();
    policy.iter().map(|statement| json!([statement["Action"], statement["Condition"]])).collect()
}

/// Returns the two permissions of a public function URL.
fn public_url_permissions() -> [Value; 2] {
    [
        json!(["lambda:InvokeFunctionUrl", {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}]),
        json!(["lambda:InvokeFunction", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}]),
    ]
}

#[test]
fn refuses_invalid_settings_before_building() {
    let machine = Machine::new("cargo-lambda-refused");
    for (why, variables, output) in [
        ("no model", vec![("AGUI_MODEL", "")], "AGUI_MODEL must name the model"),
        (
            "no token",
            vec![("AGUI_TOKEN_SECRET_ID", "")],
            "aws secretsmanager create-secret --name agui/token",
        ),
        ("a literal token", vec![("AGUI_TOKEN", "planted")], "AGUI_TOKEN is for local mode"),
        ("local mode", vec![("AGUI_LOCAL", "1")], "AGUI_LOCAL is for local mode"),
        ("no such signer", vec![("URL_AUTH", "OPEN")], "URL_AUTH is OPEN"),
        ("nobody who checks callers", vec![("AGUI_AUTH", "authorizer")], "set URL_AUTH=AWS_IAM"),
        ("the same beside a token", vec![("AGUI_AUTH", "both")], "set URL_AUTH=AWS_IAM"),
        (
            "no such mode",
            vec![("AGUI_AUTH", "tokn")],
            "AGUI_AUTH is tokn; it must be token, authorizer, both, jwt or token_or_jwt",
        ),
        ("no issuer", vec![("AGUI_AUTH", "jwt")], "needs AGUI_JWT_ISSUER and AGUI_JWT_AUDIENCE"),
        (
            "no name of a header",
            vec![("AGUI_TOKEN_HEADER", "a b")],
            "AGUI_TOKEN_HEADER is a b; it must be the name of an HTTP header",
        ),
        ("no role", vec![], "set ROLE to the ARN of its role"),
    ] {
        let refused = deploy(&machine, &variables);

        assert!(!refused.text.contains("planted"), "{why}");
        assert!(machine.calls().is_empty(), "{why}: {:?}", machine.calls());
        refused.assert_fails_with(&[output]);
    }
}

#[test]
fn gives_the_alias_a_url_that_streams_and_the_log_json() {
    let machine = Machine::new("cargo-lambda-streams");

    let printed = deploy(&machine, &[ROLE]);

    printed.assert_has(&[
        "account 123456789012, eu-central-1",
        "Function URL of live: RESPONSE_STREAM",
        "is public",
        "The URL streams: http://127.0.0.1:",
    ]);
    assert!(printed.text.lines().filter(|line| line.starts_with("  ")).all(|line| line.len() <= 80));
    let state = machine.state();
    let function = &state["functions"]["shop-agent"];
    let url = &function["urls"]["live"];
    assert_eq!((&url["InvokeMode"], &url["AuthType"]), (&json!("RESPONSE_STREAM"), &json!("NONE")));
    assert_eq!(function["urls"].as_object().unwrap().len(), 1);
    assert_eq!(public_permissions(&machine, "live"), public_url_permissions());
    assert_eq!(public_permissions(&machine, ""), Vec::<Value>::new());
    let logging = json!({"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"});
    assert_eq!(function["configuration"]["LoggingConfig"], logging);
    // A value may contain a comma, at which cargo-lambda's --env-var would split it.
    let settings: Vec<&str> =
        function["settings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(settings.contains(&"AGUI_MODEL=a/m,b/n") && settings.contains(&"AGUI_TOKEN_SECRET_ID=token"));
    assert!(settings.iter().all(|line| line.is_empty() || line.starts_with("AGUI_")), "{settings:?}");
    assert_eq!(machine.calls(), ["cargo lambda build", "cargo lambda deploy"]);
    assert_eq!(machine.alias("shop-agent"), "1");

    deploy(&machine, &[]).assert_has(&["Alias: live is at version 2."]);
    let rollback = machine.run(&["make", "rollback"], &[("WITH", "cargo-lambda"), ("YES", "1")]);
    rollback.assert_has(&["then version 1", "Forward again: make rollback WITH=cargo-lambda VERSION=2"]);
    assert_eq!(machine.alias("shop-agent"), "1");
    let destroy = machine.run(&["make", "destroy"], &[("WITH", "cargo-lambda")]);
    destroy.assert_fails_with(&["WITH=cargo-lambda has only deploy and rollback"]);
    assert_eq!(
        public_permissions(&machine, "live"),
        public_url_permissions(),
        "a second time, without its role"
    );
}

/// The Cargo.toml of a workspace need not have a package, and a roll-back needs no Cargo.toml.
#[test]
fn name_of_the_function_is_enough_in_a_workspace() {
    let machine = Machine::new("cargo-lambda-workspace");
    let manifest = machine.project().join("Cargo.toml");
    let rollback = ["make", "rollback"];
    let named = ("FUNCTION", "shop-agent");
    fs::write(&manifest, "[workspace]\nmembers = [\"agent\"]\n").unwrap();
    deploy(&machine, &[ROLE]).assert_fails_with(&["Cargo.toml has no package", "set FUNCTION to the name"]);
    machine.run(&rollback, &CARGO_LAMBDA).assert_fails_with(&["set FUNCTION to the name of the program"]);
    assert!(machine.calls().is_empty(), "{:?}", machine.calls());

    deploy(&machine, &[ROLE, named]).assert_has(&["Alias: live is at version 1."]);
    deploy(&machine, &[named]).assert_has(&["Alias: live is at version 2."]);

    fs::remove_file(&manifest).unwrap();
    machine.run(&rollback, &CARGO_LAMBDA).assert_fails_with(&["there is no Cargo.toml in", "set FUNCTION"]);
    let again = machine.run(&rollback, &[("WITH", "cargo-lambda"), ("YES", "1"), named]);
    again.assert_has(&["The alias live is at version 1 now."]);
}

/// `make deploy` prints the header that the function reads.
#[test]
fn token_is_sent_in_the_header_of_the_settings() {
    let machine = Machine::new("cargo-lambda-header");

    let printed = deploy(&machine, &[ROLE, ("AGUI_TOKEN_HEADER", "X-Company-Token")]);

    printed.assert_has(&["-H \"X-Company-Token: $TOKEN\""]);
    assert!(!printed.text.contains("x-agui-token"), "{}", printed.text);
}

#[test]
fn corrects_what_an_older_deployment_has_left_at_the_function() {
    let machine = Machine::new("cargo-lambda-older");

    let printed = deploy(&machine, &[ROLE, ("FAKE_OLDER", "1")]);

    printed.assert_has(&[
        "Removed the statement old (unlimited)",
        "Removed the statement listed (unlimited)",
        "Removed the statement turned (unlimited)",
        "Removed the statement reader (other)",
        "The function also has a URL without the alias, https://old.lambda-url.example/.",
        "aws lambda delete-function-url-config \\ --region eu-central-1 --function-name shop-agent",
    ]);
    for qualifier in ["live", ""] {
        assert_eq!(public_permissions(&machine, qualifier), public_url_permissions());
        assert_eq!(
            machine.state()["functions"]["shop-agent"]["urls"][qualifier]["InvokeMode"],
            "RESPONSE_STREAM"
        );
    }
}

#[test]
fn prints_the_commands_of_a_run_that_fit_who_may_call() {
    let jwt = [("AGUI_JWT_ISSUER", "https://issuer.example"), ("AGUI_JWT_AUDIENCE", "app")];
    let signed = ("URL_AUTH", "AWS_IAM");
    for (mode, url_auth, users, reads) in [
        ("token", None, false, &["the shared token"][..]),
        ("token", None, true, &["the shared token", "the JWT of a user"]),
        ("token", Some(signed), false, &["the shared token"]),
        ("jwt", None, true, &["the JWT of a user"]),
        ("jwt", Some(signed), true, &["the JWT of a user"]),
        ("token_or_jwt", None, true, &["the shared token"]),
        ("authorizer", Some(signed), false, &[]),
        ("both", Some(signed), true, &["the shared token", "the JWT of a user"]),
    ] {
        let machine = Machine::new("cargo-lambda-run");
        let mut variables = vec![ROLE, ("AGUI_AUTH", mode)];
        variables.extend(url_auth);
        variables.extend(jwt.iter().filter(|_| users));

        let printed = deploy(&machine, &variables);

        let reads: Vec<_> = reads.iter().map(|read| format!("Read {read} into your shell:")).collect();
        printed.assert_has(&reads.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(printed.text.matches("into your shell").count(), reads.len(), "{mode} {url_auth:?}");
        paste_run(&machine, &printed, &[]).assert_has(&["\"delta\": \"Hello!\""]);
    }
}

/// The shell of a script or container is often one without `read -s`.
#[test]
fn token_is_read_without_being_shown_in_any_shell() {
    let machine = Machine::new("cargo-lambda-read");
    let read = printed_commands(&deploy(&machine, &[ROLE])).remove(0);
    let command = format!("{read}; echo; echo ${{#TOKEN}} characters");
    for shell in ["sh", "bash"] {
        let session = machine.type_into(&[shell, "-c", &command], &[("Token: ", "sample-token")], &[]);

        assert!(!session.text.contains("sample-token"), "{shell}: {}", session.text);
        session.assert_has(&["12 characters"]);
    }
}

#[test]
fn pages_of_allowed_origins_may_call_the_url() {
    let machine = Machine::new("cargo-lambda-origins");
    let origins = ("AGUI_CORS_ORIGINS", "https://app.example, http://localhost:3000");

    deploy(&machine, &[ROLE, origins]).assert_has(&[]);

    let cors = |machine: &Machine| machine.state()["functions"]["shop-agent"]["urls"]["live"]["Cors"].clone();
    let set = cors(&machine);
    assert_eq!(set["AllowOrigins"], json!(["https://app.example", "http://localhost:3000"]));
    assert_eq!(set["AllowMethods"], json!(["GET", "POST"]));
    for (member, start) in [("AllowHeaders", "A page may send"), ("ExposeHeaders", "A page may read")] {
        let mut documented = documented_headers(start);
        let mut found: Vec<String> = serde_json::from_value(set[member].clone()).unwrap();
        documented.sort();
        found.sort();
        assert_eq!(found, documented, "{member}");
    }
    deploy(&machine, &[]).assert_has(&[]);
    assert_eq!(cors(&machine), json!({}), "taken back");
}

#[test]
fn fails_if_the_policy_cannot_be_read() {
    let machine = Machine::new("cargo-lambda-denied");
    machine.play(&json!({"denied": ["lambda:GetPolicy"]}));

    let failed = deploy(&machine, &[ROLE]);

    assert!(!failed.text.contains("The URL streams"), "{}", failed.text);
    failed.assert_fails_with(&["the policy of the function cannot be read: AccessDeniedException"]);
}

#[test]
fn admits_only_signed_requests_with_iam() {
    let machine = Machine::new("cargo-lambda-signed");

    deploy(&machine, &[ROLE, ("URL_AUTH", "AWS_IAM")]).assert_has(&["Callers need lambda:InvokeFunctionUrl"]);

    assert_eq!(public_permissions(&machine, "live"), Vec::<Value>::new());
    assert_eq!(machine.state()["functions"]["shop-agent"]["urls"]["live"]["AuthType"], "AWS_IAM");
    deploy(&machine, &[]).assert_has(&[]);
    assert_eq!(public_permissions(&machine, "live"), public_url_permissions(), "opened again");
}
