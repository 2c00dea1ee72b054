//! The first run at each entry point, and the commands for the next ones.

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
