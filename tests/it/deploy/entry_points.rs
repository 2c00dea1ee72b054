//! The first run at each entry point, and the commands for the next ones.

use std::fs;

use serde_json::{Value, json};

use super::machine::Machine;
use super::pasted::paste_run;

const DEPLOY: [&str; 2] = ["make", "deploy"];

#[test]
fn sends_signed_and_hashed_requests_where_the_entry_point_needs_them() {
    let signed = &[("IamPrincipals", "")][..];
    for (entry_point, callers, email, stacks) in [
        ("signed-url", signed, "", vec!["shop"]),
        ("rest-iam", signed, "ops@example.com", vec!["shop", "shop-alarms", "shop-rest-api"]),
        ("cloudfront", &[], "", vec!["shop", "shop-cloudfront"]),
    ] {
        let machine = Machine::new(entry_point);
        let steps =
            [&[("EntryPoint [", entry_point), ("Model", "scripted/demo")], callers, &[("AlarmEmail", email)]];

        let first = machine.type_into(&DEPLOY, &steps.concat(), &[]);

        first.assert_has(&["Agent: You wrote: Hello!"]);
        assert_eq!(machine.stacks(), stacks, "{entry_point}");
        paste_run(&machine, &first, &[]).assert_has(&["\"delta\": \"Hello!\""]);
        assert_eq!(machine.state()["runs"], 2, "{entry_point}");
        let core = machine.state()["stacks"]["shop"]["parameters"].clone();
        if !callers.is_empty() {
            assert_eq!(core["IamPrincipals"], "arn:aws:sts::123456789012:assumed-role/Developer/*");
        }
        if !email.is_empty() {
            let alarms = machine.state()["stacks"]["shop-alarms"]["parameters"].clone();
            let expected = ["shop-Agent", "LogGroup of shop", "rest-iam", "ApiName of shop-rest-api"];
            let found =
                ["FunctionName", "LogGroup", "EntryPoint", "ApiName"].map(|name| alarms[name].clone());
            assert_eq!(found, expected.map(Value::from));
        }
    }
}

#[test]
fn entry_points_of_users_print_commands_for_their_token() {
    let pool = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Ab";
    let pool_and_app = format!("{pool} app-1,app-2");
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:authorize";
    for (entry_point, question, answer, arn) in [
        ("rest-cognito", "CognitoUserPoolArn", pool_and_app.as_str(), pool),
        ("rest-lambda", "AuthorizerFunctionArn", function, function),
    ] {
        let machine = Machine::new(entry_point);
        let steps = [
            ("EntryPoint [", entry_point),
            ("Model", "scripted/demo"),
            (question, "pool"),
            ("pool is not an ARN", answer),
            ("AlarmEmail", ""),
        ];

        let first = machine.type_into(&DEPLOY, &steps, &[]);

        first.assert_has(&["Not tried yet"]);
        assert_eq!(machine.state()["stacks"]["shop-rest-api"]["parameters"][question], arn);
        let pasted = paste_run(&machine, &first, &[]);
        pasted.assert_has(&["\"delta\": \"Hello!\""]);
    }
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
        paste_run(&machine, &deployed, &[]).assert_has(&["\"delta\": \"Hello!\""]);
    }
}

/// The agent of this account reads `x-agui-token` alone, so it refuses a run with the token in another header.
#[test]
fn token_is_sent_in_the_header_that_the_template_sets() {
    let answers = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
    let set = |machine: &Machine, value: &str| {
        let line = "      AutoPublishAlias: live\n";
        let variables = format!("{line}      Environment: {{Variables: {{AGUI_TOKEN_HEADER: {value}}}}}\n");
        let template = machine.file("template.yaml").replace(line, &variables);
        assert!(template.contains("AGUI_TOKEN_HEADER"), "{template}");
        fs::write(machine.project().join("template.yaml"), template).unwrap();
    };
    for (value, header) in
        [("X-Company-Token", "X-Company-Token"), ("!Join [-, [x, !Ref EntryPoint]]", "x-server-token")]
    {
        let machine = Machine::new("token-header");
        set(&machine, value);
        machine.run(&DEPLOY, &[answers]).assert_fails_with(&["the first run got 401"]);

        machine.play(&json!({ "header": header }));
        let deployed = machine.run(&DEPLOY, &[answers]);

        deployed.assert_has(&["The run has finished", &format!("-H \"{header}: $TOKEN\"")]);
        assert!(!deployed.text.contains("x-agui-token"), "{}", deployed.text);
    }
    // What only CloudFormation knows is not known here, and an empty variable is not set.
    for value in ["!ImportValue header", "\"\""] {
        let machine = Machine::new("token-header");
        set(&machine, value);
        let deployed = machine.run(&DEPLOY, &[answers]);
        deployed.assert_has(&["The run has finished", "-H \"x-agui-token: $TOKEN\""]);
    }
    let machine = Machine::new("token-header");
    set(&machine, "a b");
    machine.run(&DEPLOY, &[answers]).assert_fails_with(&["AGUI_TOKEN_HEADER is a b; it must be the name"]);
    assert!(machine.calls().is_empty(), "{:?}", machine.calls());
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
