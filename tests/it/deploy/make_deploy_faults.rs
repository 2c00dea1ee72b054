//! What `make deploy` and `make plan` do when something is in the way: a broken stack, a refusal, an answer of no.

use std::path::Path;

use serde_json::json;

use super::machine::{Machine, real_sam};
use super::make_deploy::paste_run;

const DEPLOY: [&str; 2] = ["make", "deploy"];
const PLAN: [&str; 2] = ["make", "plan"];
const GIVEN: (&str, &str) = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");

#[test]
fn broken_stack_beside_the_core_is_deleted_alone() {
    for stack in ["shop-alarms", "shop-rest-api", "shop-cloudfront"] {
        let machine = Machine::new("broken-stack");
        let rolled_back = json!({"status": "ROLLBACK_COMPLETE", "outputs": {}, "types": []});
        machine.have(&json!({"stacks": {stack: rolled_back}}));

        let refused = machine.run(&DEPLOY, &[GIVEN]);

        let command = format!("aws cloudformation delete-stack --stack-name {stack}");
        refused.assert_fails_with(&["is ROLLBACK_COMPLETE", &command]);
        assert!(!refused.text.contains("make destroy"), "{}", refused.text);
    }
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
fn with_an_issuer_the_first_run_is_left_to_a_user() {
    let own = "IamPrincipals=arn:aws:sts::123456789012:assumed-role/Developer/*";
    for (entry_point, callers) in
        [("server-token", ""), ("signed-url", ""), ("signed-url", own), ("rest-iam", own), ("cloudfront", "")]
    {
        let machine = Machine::new("issuer");
        let callers =
            if entry_point == "signed-url" && callers.is_empty() { "IamPrincipals=" } else { callers };
        let answers = format!(
            "EntryPoint={entry_point} Model=scripted/demo AlarmEmail= UserJwtIssuer=https://issuer.invalid \
             UserJwtAudience=app {callers}"
        );

        let deployed = machine.run(&DEPLOY, &[("PARAMETERS", &answers)]);

        deployed.assert_has(&["Not tried yet"]);
        assert_eq!(machine.state()["runs"], 0, "{entry_point}");
        paste_run(&machine, &deployed).assert_has(&["\"delta\": \"Hello!\""]);
    }
}

/// A deployment from GitHub has a role that need not be one of the callers.
#[test]
fn refused_signature_of_whoever_deploys_is_a_note() {
    let answers = "EntryPoint=signed-url Model=scripted/demo AlarmEmail= IamPrincipals=arn:aws:sts::123456789012:assumed-role";
    let machine = Machine::new("signature");
    let other = format!("{answers}/app/*");
    machine
        .run(&DEPLOY, &[("PARAMETERS", &other)])
        .assert_has(&["no run was tried, because IamPrincipals does not name", "What you can do next"]);
    machine.play(&json!({"agent": 401}));
    let own = format!("{answers}/Developer/*");
    machine
        .run(&DEPLOY, &[("PARAMETERS", &own)])
        .assert_has(&["refused your first run with 401", "What you can do next"]);
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
fn answers_that_a_later_stack_refuses_are_refused_first() {
    let pool = "CognitoUserPoolArn=arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Ab";
    let topic = "alarms.AlarmTopicArn=arn:aws:sns:eu-central-1:123456789012:alarms";
    for (entry_point, email, more, reason) in [
        ("rest-cognito", "", pool, "PARAMETERS='CognitoScopes=...'"),
        ("rest-lambda", "", "AuthorizerFunctionArn=none", "needs your authorizer"),
        ("server-token", "ops@example.com", topic, "AlarmTopicArn is in place of AlarmEmail"),
    ] {
        let machine = Machine::with_templates("refused-first", Path::new(env!("CARGO_MANIFEST_DIR")));
        let answers = format!("EntryPoint={entry_point} Model=scripted/demo AlarmEmail={email} {more}");

        let refused = machine.run(&DEPLOY, &[("PARAMETERS", &answers)]);

        refused.assert_fails_with(&[reason]);
        assert!(machine.calls().is_empty(), "{entry_point}: {:?}", machine.calls());
    }
}

#[test]
fn another_entry_point_keeps_the_callers_that_it_has_a_use_for() {
    let machine = Machine::new("kept-callers");
    let users = "UserJwtIssuer=https://issuer.invalid UserJwtAudience=app AllowedOrigins=https://app.example";
    let first = format!("EntryPoint=browser-jwt Model=scripted/demo AlarmEmail= {users}");
    machine.run(&DEPLOY, &[("PARAMETERS", &first)]).assert_has(&[]);
    for (entry_point, printed, origins) in [
        ("cloudfront", "UserJwtIssuer=https://issuer.invalid stays", "https://app.example"),
        ("server-token", "AllowedOrigins is removed", ""),
    ] {
        let answers = format!("EntryPoint={entry_point}");
        machine.run(&DEPLOY, &[("PARAMETERS", &answers), ("YES", "1")]).assert_has(&[printed]);
        let core = machine.state()["stacks"]["shop"]["parameters"].clone();
        assert_eq!(core["UserJwtIssuer"], "https://issuer.invalid", "{entry_point}");
        assert_eq!(core["AllowedOrigins"], origins, "{entry_point}");
    }
}
