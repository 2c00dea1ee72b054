//! `make deploy`, as a person types it into a terminal of 80 columns, and with the templates of this repository.

use std::path::Path;

use super::machine::{Machine, real_sam};
use super::pasted::printed_commands;

const DEPLOY: [&str; 2] = ["make", "deploy"];

const GIVEN: (&str, &str) = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");

/// Answers for the questions in their order: an empty one takes the default.
const DEFAULTS: [(&str, &str); 3] = [("EntryPoint [", ""), ("Model", ""), ("AlarmEmail", "")];

#[test]
fn first_deployment_asks_and_second_one_does_not() {
    let machine = Machine::new("first");
    let (name, sam) = real_sam();
    let sam = (name, sam.as_str());

    let first = machine.type_into(&DEPLOY, &DEFAULTS, &[sam]);

    first.assert_has(&[
        "Who sends the requests?",
        "server-token a server that you run, with the shared token",
        "Which model answers?",
        "Checking that this account can use global.anthropic.claude-sample",
        "Who gets an e-mail when something fails?",
        "Successfully created/updated stack - shop in eu-central-1",
        "Agent: You wrote: Hello! What can you do for me?",
        "The run has finished",
    ]);
    let config = machine.file("samconfig.toml");
    assert!(config.contains("# The stack of developers.\n[default.deploy.parameters]"), "{config}");
    assert!(
        config.contains("[default.deploy.parameters.parameter_overrides]\nEntryPoint = \"server-token\"")
    );
    assert!(config.contains("\n\n# For users.\n[prod.deploy.parameters]"), "{config}");

    let second = machine.type_into(&DEPLOY, &[], &[sam]);
    second.assert_has(&["No changes to deploy. Stack shop is up to date", "The run has finished"]);
    assert!(!second.text.contains("Who sends"), "{}", second.text);
    assert_eq!(machine.file("samconfig.toml"), config);

    // Each command that was printed is pasted into a shell.
    let commands = printed_commands(&second);
    assert_eq!(commands[commands.len() - 3..], ["make deploy", "make rollback", "make destroy"]);
    let run = commands[..commands.len() - 3].join("\n");
    let session = machine.type_into(
        &["bash", "--norc", "-i"],
        &[
            ("$ ", run.as_str()),
            ("RUN_FINISHED", "make deploy"),
            ("  make destroy", "make rollback"),
            ("Move live to version 1? [y/N]", "y"),
            ("Forward again: make rollback VERSION=2", "make destroy"),
            ("(shop): ", "shop"),
            ("Everything is deleted", "exit"),
        ],
        &[sam, ("FAKE_CODE", "second")],
    );
    session.assert_has(&["\"delta\": \"Hello!\"", "now version 2", "then version 1"]);
    assert_eq!(machine.stacks(), Vec::<String>::new());
}

#[test]
fn shipped_configuration_deploys_without_a_question() {
    let (name, sam) = real_sam();
    let variables =
        [(name, sam.as_str()), ("SAM_CLI_TELEMETRY", "0"), ("AWS_DEFAULT_REGION", "eu-central-1")];
    let machine = Machine::with_templates("shipped", Path::new(env!("CARGO_MANIFEST_DIR")));
    for (options, stack) in [("", "ag-ui-agent"), ("--config-env dev", "ag-ui-agent-dev")] {
        let command = format!("export PATH=$PWD/.venv-sam/bin:$PATH; sam build && sam deploy {options}");

        let deployed = machine.type_into(&["bash", "-c", &command], &[], &variables);

        deployed.assert_has(&[&format!("Successfully created/updated stack - {stack}")]);
        assert!(!deployed.text.contains("[y/N]"), "{}", deployed.text);
    }
}

/// The stub refuses a stack with a parameter that its template does not have, or without one that it needs.
#[test]
fn shipped_stacks_get_the_parameters_that_they_have() {
    let iam = "IamPrincipals=arn:aws:sts::123456789012:assumed-role/app/*";
    let pool = "CognitoUserPoolArn=arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Ab CognitoClientIds=app";
    let function = "AuthorizerFunctionArn=arn:aws:lambda:eu-central-1:123456789012:function:authorize";
    let users = "UserJwtIssuer=https://issuer.invalid UserJwtAudience=app AllowedOrigins=https://app.example";
    for (entry_point, more, beside) in [
        ("server-token", "rotation.TokenRotationDays=30", vec!["rotation"]),
        ("browser-jwt", users, vec![]),
        ("signed-url", iam, vec![]),
        ("cloudfront", "", vec!["cloudfront"]),
        ("rest-cognito", pool, vec!["rest-api"]),
        ("rest-lambda", function, vec!["rest-api"]),
        ("rest-iam", iam, vec!["rest-api"]),
    ] {
        let machine = Machine::with_templates("shipped-stacks", Path::new(env!("CARGO_MANIFEST_DIR")));
        let answers =
            format!("EntryPoint={entry_point} Model=scripted/demo AlarmEmail=ops@example.com {more}");

        let deployed = machine.run(&DEPLOY, &[("PARAMETERS", &answers)]);

        assert_eq!(deployed.code, 0, "{entry_point}: {}", deployed.text);
        let beside = ["alarms"].into_iter().chain(beside).map(|stack| format!("ag-ui-agent-{stack}"));
        let mut expected: Vec<String> = ["ag-ui-agent".to_owned()].into_iter().chain(beside).collect();
        let mut stacks = machine.stacks();
        expected.sort();
        stacks.sort();
        assert_eq!(stacks, expected, "{entry_point}");
    }
}

#[test]
fn folder_of_a_project_may_have_a_blank_in_its_name() {
    let machine = Machine::new("my projects");
    let (name, sam) = real_sam();
    let sam = (name, sam.as_str());
    machine.run(&DEPLOY, &[GIVEN, sam]).assert_has(&["The run has finished"]);
    machine.run(&["make", "plan"], &[sam]).assert_has(&["Nothing was changed"]);
    let commands = ["make -s token", "make rollback", "make destroy"].join("; ");
    let printed = machine.run(&["sh", "-c", &commands], &[("YES", "1")]);
    printed.assert_has(&["sample-token", "version 1 is the oldest one", "Everything is deleted"]);
}

/// `sam deploy` and another shell would deploy a second agent to the region that they have.
#[test]
fn region_of_the_first_deployment_is_that_of_all_later_ones() {
    let machine = Machine::new("region");
    let (name, sam) = real_sam();
    let sam = (name, sam.as_str());
    machine.run(&DEPLOY, &[GIVEN]).assert_has(&["account 123456789012, eu-central-1"]);
    let config = machine.file("samconfig.toml");
    assert!(config.contains("resolve_s3 = true\nregion = \"eu-central-1\"\n"), "{config}");
    assert_eq!(config.matches("region").count(), 1, "the other environments have none yet: {config}");

    let without = [("AWS_REGION", ""), ("SAM_CLI_TELEMETRY", "0"), sam];
    machine.run(&DEPLOY, &without).assert_has(&["123456789012, eu-central-1", "The run has finished"]);
    let alone = "export PATH=$PWD/.venv-sam/bin:$PATH; sam build && sam deploy --no-fail-on-empty-changeset";
    machine.run(&["bash", "-c", alone], &without).assert_has(&["Region : eu-central-1"]);
    for (variables, chosen) in [
        (vec![("AWS_REGION", "us-east-1")], "AWS_REGION is us-east-1"),
        (vec![("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "us-west-2")], "AWS_DEFAULT_REGION is us-west-2"),
    ] {
        for command in ["deploy", "plan", "rollback", "destroy", "token"] {
            let refused = machine.run(&["make", command], &[&variables[..], &[("YES", "1")]].concat());
            refused.assert_fails_with(&[chosen, "the region eu-central-1 for the environment default"]);
        }
    }
    assert_eq!(machine.file("samconfig.toml"), config);
    assert_eq!(machine.stacks(), ["shop"]);
    // An environment that was never deployed goes where the shell says.
    let prod = [("ENV", "prod"), ("AWS_REGION", "us-east-1"), GIVEN];
    machine.run(&DEPLOY, &prod).assert_has(&["account 123456789012, us-east-1"]);
}
