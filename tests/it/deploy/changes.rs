//! A deployment after the first one: what it changes, what it deletes, and what stays.

use serde_json::json;

use super::machine::{Machine, real_sam};

const DEPLOY: [&str; 2] = ["make", "deploy"];

const PLAN: [&str; 2] = ["make", "plan"];

const GIVEN: (&str, &str) = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");

#[test]
fn entry_point_that_is_not_used_any_more_is_deleted_only_if_confirmed() {
    let machine = Machine::new("changed");
    let first = ("PARAMETERS", "EntryPoint=cloudfront Model=scripted/demo AlarmEmail=");
    machine.run(&DEPLOY, &[first]).assert_has(&[]);
    assert_eq!(machine.stacks(), ["shop", "shop-cloudfront"]);
    let changed = ("PARAMETERS", "EntryPoint=server-token");

    let refused = machine.run(&DEPLOY, &[changed]);

    refused.assert_fails_with(&[
        "shop-cloudfront is not used any more: add YES=1 to delete it, or choose its entry point again",
    ]);
    assert_eq!(machine.state()["stacks"]["shop"]["parameters"]["EntryPoint"], "cloudfront");
    machine
        .type_into(&DEPLOY, &[("Delete it when the rest is deployed? [y/N]", "n")], &[changed])
        .assert_fails_with(&["YES=1"]);
    assert!(machine.file("samconfig.toml").contains("EntryPoint = \"cloudfront\""));
    machine
        .type_into(&DEPLOY, &[("Delete it when the rest is deployed? [y/N]", "y")], &[changed])
        .assert_has(&["run has finished"]);
    assert_eq!(machine.stacks(), ["shop"]);
}

#[test]
fn old_entry_point_stays_until_the_core_is_deployed() {
    let machine = Machine::new("old-entry-point");
    let first = ("PARAMETERS", "EntryPoint=cloudfront Model=scripted/demo AlarmEmail=");
    machine.run(&DEPLOY, &[first]).assert_has(&[]);
    for step in ["sam build", "sam deploy"] {
        let variables = [("PARAMETERS", "EntryPoint=server-token"), ("YES", "1"), ("FAKE_FAILS", step)];
        machine.run(&DEPLOY, &variables).assert_fails_with(&[step]);
        assert_eq!(machine.stacks(), ["shop", "shop-cloudfront"], "{step}");
    }

    machine.run(&DEPLOY, &[("YES", "1")]).assert_has(&["Deleting shop-cloudfront", "The run has finished"]);

    assert_eq!(machine.stacks(), ["shop"]);
}

#[test]
fn old_entry_point_stays_until_the_new_one_is_deployed() {
    let machine = Machine::new("new-entry-point");
    let first = ("PARAMETERS", "EntryPoint=cloudfront Model=scripted/demo AlarmEmail=");
    machine.run(&DEPLOY, &[first]).assert_has(&[]);
    let iam = "EntryPoint=rest-iam IamPrincipals=arn:aws:sts::123456789012:assumed-role/Developer/*";
    let changed = [("PARAMETERS", iam), ("YES", "1")];

    let failed =
        machine.run(&DEPLOY, &[&changed[..], &[("FAKE_FAILS", "--stack-name shop-rest-api")]].concat());

    failed.assert_fails_with(&["`sam deploy` failed"]);
    assert_eq!(machine.stacks(), ["shop", "shop-cloudfront"]);
    machine.run(&DEPLOY, &changed).assert_has(&["Deleting shop-cloudfront", "The run has finished"]);
    assert_eq!(machine.stacks(), ["shop", "shop-rest-api"]);
}

/// The role of a deployment from GitHub may delete no stack.
#[test]
fn old_entry_point_that_may_not_be_deleted_is_left_to_somebody_who_may() {
    let machine = Machine::new("delete-denied");
    let first = ("PARAMETERS", "EntryPoint=cloudfront Model=scripted/demo AlarmEmail=");
    machine.run(&DEPLOY, &[first]).assert_has(&[]);
    machine.play(&json!({"denied": ["cloudformation:DeleteStack"]}));
    let iam = "EntryPoint=rest-iam IamPrincipals=arn:aws:sts::123456789012:assumed-role/Developer/*";

    let denied = machine.run(&DEPLOY, &[("PARAMETERS", iam), ("YES", "1")]);

    denied.assert_fails_with(&[
        "you may not delete the stack shop-cloudfront: cloudformation:DeleteStack is denied.",
        "aws cloudformation delete-stack \\ --region eu-central-1 --stack-name shop-cloudfront",
    ]);
    assert_eq!(machine.stacks(), ["shop", "shop-cloudfront", "shop-rest-api"]);
}

#[test]
fn another_entry_point_keeps_the_callers_that_it_has_a_use_for() {
    let machine = Machine::new("kept-callers");
    let (name, sam) = real_sam();
    let users = "UserJwtIssuer=https://issuer.invalid UserJwtAudience=app AllowedOrigins=https://app.example";
    let first = format!("EntryPoint=browser-jwt Model=scripted/demo AlarmEmail= {users}");
    machine.run(&DEPLOY, &[("PARAMETERS", &first)]).assert_has(&[]);
    for (entry_point, printed, origins) in [
        ("cloudfront", "UserJwtIssuer=https://issuer.invalid stays", "https://app.example"),
        ("server-token", "AllowedOrigins is removed", ""),
    ] {
        let answers = format!("EntryPoint={entry_point}");
        machine.run(&DEPLOY, &[("PARAMETERS", &answers), ("YES", "1"), (name, &sam)]).assert_has(&[printed]);
        let core = machine.state()["stacks"]["shop"]["parameters"].clone();
        assert_eq!(core["UserJwtIssuer"], "https://issuer.invalid", "{entry_point}");
        assert_eq!(core["AllowedOrigins"], origins, "{entry_point}");
    }
}

#[test]
fn alarms_without_an_address_are_deleted_only_if_confirmed() {
    let machine = Machine::new("no-alarms");
    let answers =
        "EntryPoint=server-token Model=scripted/demo AlarmEmail=ops@example.com alarms.AlarmAtThrottles=9";
    machine.run(&DEPLOY, &[("PARAMETERS", answers)]).assert_has(&[]);
    assert_eq!(machine.stacks(), ["shop", "shop-alarms"]);
    let empty = ("PARAMETERS", "AlarmEmail=");

    machine.run(&PLAN, &[empty]).assert_has(&["The stack shop-alarms would be deleted."]);
    let refused = machine.run(&DEPLOY, &[empty]);

    refused.assert_fails_with(&[
        "The stack shop-alarms has the alarms and the dashboard, and AlarmEmail is empty now.",
        "add YES=1 to delete it, or give an address: PARAMETERS='AlarmEmail=...'",
    ]);
    assert_eq!(machine.stacks(), ["shop", "shop-alarms"]);
    machine
        .type_into(&DEPLOY, &[("Delete it when the rest is deployed? [y/N]", "y")], &[empty])
        .assert_has(&["Deleting shop-alarms", "The run has finished"]);
    assert_eq!(machine.stacks(), ["shop"]);
}

/// SAM keeps the value before of a parameter that it is not given.
#[test]
fn answer_that_is_taken_out_of_the_file_has_its_default_again() {
    let machine = Machine::new("taken-out");
    let (name, sam) = real_sam();
    let sam = (name, sam.as_str());
    let answers = "EntryPoint=server-token Model=scripted/demo AlarmEmail=ops@example.com MaxConcurrentRuns=5 \
                   alarms.AlarmAtThrottles=9";
    machine.run(&DEPLOY, &[("PARAMETERS", answers), sam]).assert_has(&[]);
    let config = machine.file("samconfig.toml");
    let without = config.replace("MaxConcurrentRuns = \"5\"\n", "").replace("AlarmAtThrottles = \"9\"\n", "");
    assert!(!without.contains("MaxConcurrentRuns") && !without.contains("AlarmAtThrottles"), "{without}");
    std::fs::write(machine.project().join("samconfig.toml"), without).unwrap();

    machine.run(&DEPLOY, &[sam]).assert_has(&["The run has finished"]);

    let stacks = machine.state()["stacks"].clone();
    assert_eq!(stacks["shop"]["parameters"]["MaxConcurrentRuns"], "");
    assert_eq!(stacks["shop-alarms"]["parameters"]["AlarmAtThrottles"], "5");
}

#[test]
fn plan_of_another_entry_point_changes_nothing() {
    let machine = Machine::new("plan");
    let (name, sam) = real_sam();
    let sam = (name, sam.as_str());
    let config = machine.file("samconfig.toml");
    let iam = "EntryPoint=rest-iam Model=scripted/demo AlarmEmail=ops@example.com IamPrincipals=arn:aws:sts::1:assumed-role/x/*";

    // In an account without the core, and again when its stack is in review.
    for _ in 0..2 {
        machine
            .run(&PLAN, &[("PARAMETERS", iam), sam])
            .assert_has(&["Its plan needs outputs of the core", "Nothing was changed"]);
    }
    assert_eq!(machine.file("samconfig.toml"), config);
    let sets = machine.state()["change_sets"].clone();
    let planned = sets.as_object().unwrap().values().next().unwrap();
    assert_eq!(planned["parameters"]["EntryPoint"], "rest-iam");

    machine.run(&DEPLOY, &[GIVEN]).assert_has(&["The run has finished"]);
    machine.run(&PLAN, &[("PARAMETERS", "EntryPoint=cloudfront"), sam]).assert_has(&["Nothing was changed"]);
    let sets = machine.state()["change_sets"].clone();
    let planned = sets.as_object().unwrap().values().find(|set| set["stack"] == "shop-cloudfront").unwrap();
    assert_eq!(planned["parameters"]["EntryPoint"], "cloudfront");
    // The stack in review, which the plan has left, is no second entry point.
    machine.run(&DEPLOY, &[]).assert_has(&["The run has finished"]);
}

#[test]
fn changes_that_are_declined_end_the_deployment() {
    let machine = Machine::new("declined");
    let (name, sam) = real_sam();
    let variables = [("ENV", "prod"), (name, sam.as_str()), GIVEN];
    let question = "Deploy this changeset? [y/N]";
    let stopped = "nothing was deployed to shop-prod";

    machine.type_into(&DEPLOY, &[(question, "n")], &variables).assert_fails_with(&[stopped]);
    machine.type_into(&DEPLOY, &[(question, "y")], &variables).assert_has(&["The run has finished"]);
    let changed = [&variables[..], &[("FAKE_CODE", "second")]].concat();
    machine.type_into(&DEPLOY, &[(question, "n")], &changed).assert_fails_with(&[stopped]);
    assert_eq!(machine.alias("shop-prod-Agent"), "1");
    machine.type_into(&DEPLOY, &[], &variables).assert_has(&["No changes to deploy", "The run has finished"]);
}
