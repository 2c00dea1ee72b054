//! The commands of the AWS CLI that are printed, run by the AWS CLI itself.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use super::machine::{Machine, Printed};

const DEPLOY: [&str; 2] = ["make", "deploy"];
const GIVEN: (&str, &str) = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");

/// Creates a machine that has the AWS CLI.
fn machine(name: &str) -> Machine {
    let machine = Machine::new(name);
    let aws = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/aws");
    symlink(aws, machine.project().join(".venv-sam/bin/aws")).unwrap();
    machine
}

/// Runs the command that was printed in the lines from that with this text on, in a shell with this region or none.
fn run_printed(machine: &Machine, printed: &Printed, text: &str, region: &str) -> Printed {
    let mut lines = printed.text.lines().skip_while(|line| !line.contains(text)).peekable();
    assert!(lines.peek().is_some_and(|line| line.starts_with("  aws ")), "{text}: {}", printed.text);
    let mut command = String::new();
    for line in lines {
        assert!(line.len() <= 80, "longer than 80 columns: {line}");
        command.push_str(line);
        command.push('\n');
        if !line.ends_with('\\') {
            break;
        }
    }
    let command = format!("export PATH=$PWD/.venv-sam/bin:$PATH\n{command}");
    let variables = [("AWS_REGION", ""), ("AWS_DEFAULT_REGION", region)];
    machine.run(&["bash", "-e", "-c", &command], &variables)
}

#[test]
fn broken_stacks_can_be_repaired_and_deleted() {
    let machine = machine("aws-stacks");
    machine.run(&DEPLOY, &[GIVEN]).assert_has(&[]);
    for (status, command) in [
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback"),
        ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack"),
    ] {
        let broken = json!({"status": status, "template": "", "parameters": {}, "outputs": {}, "types": []});
        machine.have(&json!({"stacks": {"shop-alarms": broken}}));
        let refused = machine.run(&DEPLOY, &[GIVEN, ("YES", "1")]);
        refused.assert_fails_with(&[status]);

        run_printed(&machine, &refused, command, "").assert_has(&[]);

        machine.run(&DEPLOY, &[GIVEN, ("YES", "1")]).assert_has(&["The run has finished"]);
        assert_eq!(machine.stacks(), ["shop"], "{status}");
    }
}

#[test]
fn secrets_are_created_as_the_function_reads_them() {
    let machine = machine("aws-secrets");
    let settings = [("WITH", "cargo-lambda"), ("AGUI_MODEL", "a/m"), ("ROLE", "arn:aws:iam::1:role/agent")];
    let refused = machine.run(&DEPLOY, &settings);
    refused.assert_fails_with(&["AGUI_TOKEN_SECRET_ID must name the secret"]);
    run_printed(&machine, &refused, "create-secret", "eu-central-1").assert_has(&["agui/token"]);

    let given = ("PARAMETERS", "EntryPoint=server-token Model=openai/sample AlarmEmail=");
    let refused = machine.run(&DEPLOY, &[given]);
    refused.assert_fails_with(&["The key of this provider must be in a secret."]);
    run_printed(&machine, &refused, "create-secret", "").assert_has(&["model-keys"]);

    let secrets = machine.state()["secrets"].clone();
    let secret = |name: &str| {
        let arn = format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdEf");
        serde_json::from_str::<serde_json::Value>(secrets[arn].as_str().unwrap()).unwrap()
    };
    assert_eq!(secret("agui/token")["token"].as_str().unwrap().len(), 48);
    assert_eq!(secret("model-keys"), json!({"OPENAI_API_KEY": "..."}));
}

#[test]
fn url_without_the_alias_can_be_deleted() {
    let machine = machine("aws-url");
    let settings = [("WITH", "cargo-lambda"), ("AGUI_MODEL", "a/m"), ("AGUI_TOKEN_SECRET_ID", "token")];
    let older = [&settings[..], &[("ROLE", "arn:aws:iam::1:role/agent"), ("FAKE_OLDER", "1")]].concat();
    let deployed = machine.run(&DEPLOY, &older);
    deployed.assert_has(&["The function also has a URL without the alias"]);

    run_printed(&machine, &deployed, "delete-function-url-config", "").assert_has(&[]);

    let urls = machine.state()["functions"]["shop-agent"]["urls"].clone();
    assert_eq!(urls.as_object().unwrap().keys().collect::<Vec<_>>(), ["live"]);
}
