//! What is in the way of a deployment: tools, credentials, a broken stack, a step that fails.

use serde_json::json;

use super::machine::Machine;

const DEPLOY: [&str; 2] = ["make", "deploy"];

const GIVEN: (&str, &str) = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");

#[test]
fn what_is_needed_is_checked_before_anything_is_built() {
    let machine = Machine::new("needs");
    for (why, variables, reason) in [
        ("no region", vec![("AWS_REGION", "")], "there is no region. Set AWS_REGION"),
        ("no credentials", vec![("AWS_ACCESS_KEY_ID", ""), GIVEN], "Run `aws configure` or `aws sso login`"),
        (
            "another environment",
            vec![("ENV", "stage")],
            "samconfig.toml has no environment stage. It has: default, prod",
        ),
        ("another tool", vec![("WITH", "magic")], "WITH is magic; it must be sam or cargo-lambda"),
    ] {
        let refused = machine.run(&DEPLOY, &variables);
        assert!(machine.calls().is_empty(), "{why}");
        refused.assert_fails_with(&[reason]);
    }
    std::fs::remove_file(machine.project().join(".venv-sam/bin/cargo-lambda")).unwrap();
    let reason = "cargo-lambda is missing: make installs it into .venv-sam. Run `rm -r .venv-sam`, and then";
    machine.run(&DEPLOY, &[]).assert_fails_with(&[reason]);

    let machine = Machine::new("state");
    let rolled_back = json!({"status": "ROLLBACK_COMPLETE", "outputs": {}, "types": []});
    machine.have(&json!({"stacks": {"shop": rolled_back}}));
    machine.run(&DEPLOY, &[GIVEN]).assert_fails_with(&["shop is ROLLBACK_COMPLETE", "make destroy"]);
}

#[test]
fn broken_stack_beside_the_core_is_deleted_alone() {
    for stack in ["shop-alarms", "shop-rest-api", "shop-cloudfront"] {
        let machine = Machine::new("broken-stack");
        let rolled_back = json!({"status": "ROLLBACK_COMPLETE", "outputs": {}, "types": []});
        machine.have(&json!({"stacks": {stack: rolled_back}}));

        let refused = machine.run(&DEPLOY, &[GIVEN]);

        let command =
            format!("aws cloudformation delete-stack \\ --region eu-central-1 --stack-name {stack}");
        refused.assert_fails_with(&["is ROLLBACK_COMPLETE", &command]);
        assert!(!refused.text.contains("make destroy"), "{}", refused.text);
    }
}

#[test]
fn failures_end_the_deployment_with_what_to_do() {
    for (why, play, variables, reason) in [
        ("the build", json!({}), vec![("FAKE_FAILS", "sam build")], "`sam build` failed"),
        ("the lockfile", json!({}), vec![("FAKE_FAILS", "cargo metadata")], "Cargo.lock is not up to date"),
        ("SAM", json!({}), vec![("FAKE_FAILS", "sam deploy")], "`sam deploy` failed"),
        (
            "the agent",
            json!({"agent": 401}),
            vec![],
            "the first run got 401. The token or JWT was not accepted",
        ),
        (
            "the run",
            json!({"end": {"type": "RUN_ERROR", "code": "MODEL_MISCONFIGURED", "message": "No."}}),
            vec![],
            "the run has failed: MODEL_MISCONFIGURED: No.",
        ),
        ("a cut stream", json!({"end": {"type": "CUSTOM"}}), vec![], "broke off before its end"),
        ("a redirect, which would get the token", json!({"agent": 302}), vec![], "the first run got 302"),
    ] {
        let machine = Machine::new("failures");
        machine.play(&play);
        let failed = machine.run(&DEPLOY, &[&[GIVEN][..], &variables].concat());
        assert!(!failed.text.contains("What you can do next"), "{why}: {}", failed.text);
        failed.assert_fails_with(&[reason]);
    }
    let machine = Machine::new("binary-token");
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:SharedToken-AbCdEfGhIjKl-Zx1234";
    machine.have(&json!({"secrets": {arn: {"SecretBinary": "AAEC"}}}));
    machine.run(&DEPLOY, &[GIVEN]).assert_fails_with(&["is not JSON of the form {\"token\": \"...\"}"]);
    let machine = Machine::new("denied");
    machine.play(&json!({"denied": ["secretsmanager:GetSecretValue"]}));
    machine
        .run(&DEPLOY, &[GIVEN])
        .assert_has(&["no run was tried, because you may not read the shared token"]);
}

/// A run that is sent twice does its work twice, so it is sent again only before something has answered.
#[test]
fn run_that_breaks_off_is_a_sentence_and_is_not_sent_again() {
    let text = r#"data: {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "You wrote"}"#;
    let chunk = format!("{:x}\r\n{text}\n\n\r\n", text.len() + 2);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let plain = format!("{head}Connection: close\r\n\r\n");
    let broke_off = "the agent is deployed, but the stream of the run broke off before its end.";
    for (why, raw, reset, reason) in [
        ("cut inside a chunk", format!("{chunked}{chunk}100\r\ndata: {{"), false, broke_off),
        ("cut before the size of a chunk", format!("{chunked}{chunk}"), false, broke_off),
        ("a size that is no number", format!("{chunked}{chunk}size\r\n"), false, broke_off),
        ("a connection that is reset", format!("{chunked}{chunk}"), true, broke_off),
        ("no JSON", format!("{plain}{text}\n\ndata: {{\n\n"), false, broke_off),
        ("no object", format!("{plain}{text}\n\ndata: 7\n\n"), false, broke_off),
        ("no HTTP", "SSH-2.0-sample\r\n".to_owned(), false, "does not speak HTTP: SSH-2.0-sample"),
    ] {
        let machine = Machine::new("breaks-off");
        machine.play(&json!({"raw": raw, "reset": reset}));

        let failed = machine.run(&DEPLOY, &[GIVEN]);

        assert_eq!(machine.state()["runs"], 1, "{why}: {}", failed.text);
        assert_eq!(failed.text.contains("Agent: You wrote"), reason == broke_off, "{why}: {}", failed.text);
        failed.assert_fails_with(&[reason]);
    }
}
