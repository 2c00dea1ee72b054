//! `make deploy` in a project that was made from the starter.

use std::fs;

use super::machine::{Machine, real_sam};
use crate::starter::Folder;

const ANSWERS: (&str, &str) =
    ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail= rotation.TokenRotationDays=30");

/// Creates a machine with a project of its own, `my-agent`. `name` is the test's own.
fn machine(name: &str) -> Machine {
    let folder = Folder::new(name);
    let project = folder.project();
    let machine = Machine::with_templates(name, &project);
    for file in ["Makefile", "Cargo.toml"] {
        fs::copy(project.join(file), machine.project().join(file)).unwrap();
    }
    machine
}

#[test]
fn deploys_stacks_with_the_name_of_the_project() {
    let machine = machine("starter-deploy");
    let (name, sam) = real_sam();

    let deployed = machine.run(&["make", "deploy"], &[ANSWERS, (name, &sam)]);

    deployed.assert_has(&["Stack my-agent, account 123456789012", "The run has finished"]);
    assert_eq!(machine.stacks(), ["my-agent", "my-agent-rotation"]);
    assert!(machine.file("samconfig.toml").contains("EntryPoint = \"server-token\""));

    machine.run(&["make", "destroy"], &[("YES", "1")]).assert_has(&["Everything is deleted."]);
    assert_eq!(machine.stacks(), Vec::<String>::new());
}

#[test]
fn says_what_is_missing_before_anything_is_built() {
    let machine = machine("starter-refused");
    for (why, variables, message) in [
        ("no region", &[("AWS_REGION", ""), ANSWERS][..], "there is no region. Set AWS_REGION"),
        ("no credentials", &[("AWS_ACCESS_KEY_ID", ""), ANSWERS], "AWS does not accept your credentials"),
        ("no answers and no terminal", &[], "PARAMETERS="),
        ("no answers and no credentials", &[("AWS_ACCESS_KEY_ID", "")], "EntryPoint=server-token"),
        (
            "a missing answer and no credentials",
            &[
                ("AWS_ACCESS_KEY_ID", ""),
                ("PARAMETERS", "EntryPoint=browser-jwt Model=scripted/demo AlarmEmail="),
            ],
            "UserJwtIssuer=https://... UserJwtAudience=... AllowedOrigins=https://...",
        ),
        (
            "an answer of another entry point and no credentials",
            &[
                ("AWS_ACCESS_KEY_ID", ""),
                (
                    "PARAMETERS",
                    "EntryPoint=server-token Model=scripted/demo AlarmEmail= IamPrincipals=arn:aws:iam::123456789012:user/ada",
                ),
            ],
            "template.yaml refuses these parameters",
        ),
    ] {
        let refused = machine.run(&["make", "plan"], variables);

        refused.assert_fails_with(&[message]);
        assert!(!refused.text.contains("docs/"), "{why}: {}", refused.text);
    }
    assert_eq!(machine.calls(), Vec::<String>::new());
}

#[test]
fn function_alone_has_the_name_of_the_project() {
    let machine = machine("starter-cargo-lambda");
    let settings =
        [("WITH", "cargo-lambda"), ("AGUI_MODEL", "scripted/demo"), ("AGUI_TOKEN_SECRET_ID", "token")];

    machine
        .run(&["make", "deploy"], &settings)
        .assert_fails_with(&["there is no function my-agent yet: set ROLE"]);
}
