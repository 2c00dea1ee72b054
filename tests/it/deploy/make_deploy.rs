//! `make deploy`, `rollback` and `destroy`, as a person types them into a terminal of 80 columns.

use std::path::Path;

use serde_json::{Value, json};

use super::machine::{Machine, Printed, real_sam};

const DEPLOY: [&str; 2] = ["make", "deploy"];

/// Answers for the questions in their order: an empty one takes the default.
const DEFAULTS: [(&str, &str); 3] = [("EntryPoint [", ""), ("Model", ""), ("AlarmEmail", "")];

/// Returns the commands that a deployment has printed for what comes next.
fn printed_commands(printed: &Printed) -> Vec<String> {
    let (_, next) = printed.text.split_once("== What you can do next").expect("it prints what is next");
    let lines = next.lines().filter_map(|line| line.strip_prefix("  "));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    for line in &lines {
        assert!(line.len() + 2 <= 80, "longer than 80 columns: {line}");
    }
    lines
}

/// Pastes the commands of a run into a shell, and returns what its terminal shows. A command that reads a token gets one.
pub(super) fn paste_run(machine: &Machine, printed: &Printed) -> Printed {
    let commands = printed_commands(printed);
    let run: Vec<&str> =
        commands.iter().map(String::as_str).filter(|line| !line.starts_with("make ")).collect();
    let mut steps = Vec::new();
    let run = match &run[..] {
        [read, rest @ ..] if read.starts_with("printf ") => {
            steps.extend([("$ ", *read), ("Token: ", "a.b.c")]);
            rest.join("\n")
        }
        run => run.join("\n"),
    };
    steps.extend([("$ ", run.as_str()), ("RUN_FINISHED", "exit")]);
    machine.type_into(&["bash", "--norc", "-i"], &steps, &[])
}

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
        let command = format!("export PATH=$SAM_VENV/bin:$PATH; sam build && sam deploy {options}");

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
        paste_run(&machine, &first).assert_has(&["\"delta\": \"Hello!\""]);
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
        let pasted = paste_run(&machine, &first);
        pasted.assert_has(&["\"delta\": \"Hello!\""]);
    }
}

#[test]
fn invalid_answers_are_asked_again_with_the_reason() {
    let machine = Machine::new("invalid");
    machine.have(&json!({"secrets": {
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:model-keys-AbCdEf": "{\"GROQ_API_KEY\": \"k\"}",
    }}));
    machine.play(&json!({"bedrock": {"amazon.sample": [
        "AccessDeniedException",
        "Model access is denied: the caller is not authorized to perform the required AWS Marketplace actions",
    ]}}));
    let steps = [
        ("EntryPoint [", "public"),
        ("public is not one of", "browser-jwt"),
        ("Model", "claude"),
        ("claude does not have", "bedrock/amazon.sample"),
        ("continue with scripted/demo", "openai/gpt-sample"),
        ("aws secretsmanager create-secret", "openai/gpt-sample keys"),
        ("the secret keys cannot", "openai/gpt-sample model-keys"),
        ("Its value must be JSON", "groq/sample model-keys"),
        ("Issuer audience origin", "https://issuer.invalid"),
        ("Give three words", "https://issuer.invalid app https://app.example/path"),
        ("is not an origin", "http://issuer.invalid app https://app.example"),
        ("must begin with https", "https://issuer.invalid app https://app.example,http://localhost:3000"),
        ("AlarmEmail", "ops"),
        ("ops is not an e-mail address", "none"),
    ];

    let deployed = machine.type_into(&DEPLOY, &steps, &[]);

    deployed.assert_has(&[
        "aws-marketplace:ViewSubscriptions aws-marketplace:Subscribe",
        "Submit use case details",
        "issuer.invalid/.well-known/openid-configuration cannot be read from here",
        "Not tried yet",
        "Give the URL to your page",
    ]);
    let parameters = machine.state()["stacks"]["shop"]["parameters"].clone();
    let expected = json!({
        "Model": "groq/sample", "BedrockModelArns": "", "MaxConcurrentRuns": "", "IamPrincipals": "",
        "ModelSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:model-keys-AbCdEf",
        "EntryPoint": "browser-jwt", "UserJwtIssuer": "https://issuer.invalid", "UserJwtAudience": "app",
        "AllowedOrigins": "https://app.example,http://localhost:3000",
    });
    assert_eq!(parameters, expected);
    paste_run(&machine, &deployed).assert_has(&["\"delta\": \"Hello!\""]);
}

#[test]
fn model_that_the_account_cannot_use_is_explained_and_not_deployed() {
    let form = "Model use case details have not been submitted for this account.";
    let marketplace = "Your account is not authorized: aws-marketplace:Subscribe is denied.";
    let on_demand = "Invocation with on-demand throughput isn't supported.";
    let deployer = "User x is not authorized to perform: bedrock:InvokeModel on resource y";
    for (why, code, message, expected) in [
        ("no form", "ResourceNotFoundException", form, Some("Submit use case details")),
        ("no subscription", "AccessDeniedException", marketplace, Some("aws-marketplace:Subscribe Run this")),
        ("no profile", "ValidationException", on_demand, Some("try bedrock/global.anthropic.sample")),
        (
            "at its end",
            "ResourceNotFoundException",
            "The model is at its end of life.",
            Some("Model catalog"),
        ),
        ("busy", "ThrottlingException", "Too many requests.", None),
        ("whoever deploys may not invoke it", "AccessDeniedException", deployer, None),
    ] {
        let machine = Machine::new("model");
        machine.play(&json!({"bedrock": {"anthropic.sample": [code, message]}}));
        let parameters = "Model=bedrock/anthropic.sample EntryPoint=server-token AlarmEmail=";
        let parameters = ("PARAMETERS", parameters);

        let deployed = machine.run(&DEPLOY, &[parameters]);

        match expected {
            Some(expected) => {
                deployed.assert_fails_with(&[message, expected, "Nothing was deployed."]);
                assert!(machine.calls().is_empty(), "{why}: {:?}", machine.calls());
            }
            None => deployed.assert_has(&["was not checked", message]),
        }
    }
}

#[test]
fn without_a_terminal_missing_answers_are_an_error() {
    let machine = Machine::new("no-terminal");
    let missing = machine.run(&DEPLOY, &[]);
    missing.assert_fails_with(&[
        "there is no terminal to ask for",
        "EntryPoint=server-token Who sends the requests?",
        "Model=scripted/demo",
        "AlarmEmail=ops@example.com",
        "Give them as PARAMETERS='Name=Value ...'",
    ]);
    let missing =
        machine.run(&DEPLOY, &[("PARAMETERS", "EntryPoint=rest-cognito Model=scripted/demo AlarmEmail=")]);
    missing.assert_fails_with(&["CognitoUserPoolArn=arn:... CognitoClientIds=... Which app"]);
    assert!(machine.calls().is_empty());

    for (parameters, reason) in [
        ("EntryPoint=open", "EntryPoint: open is not one of server-token"),
        ("Entrypoint=server-token", "no template has a parameter Entrypoint"),
        ("server-token", "PARAMETERS has server-token; it must be Name=Value"),
        ("cloudfront.Nothing=1", "Nothing: there is no parameter Nothing"),
    ] {
        machine.run(&DEPLOY, &[("PARAMETERS", parameters)]).assert_fails_with(&[reason]);
    }

    let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
    machine
        .run(&DEPLOY, &[given, ("ENV", "prod"), ("ARGS", "--role-arn arn:aws:iam::1:role/cfn")])
        .assert_has(&["Stack shop-prod"]);
    assert_eq!(machine.stacks(), ["shop-prod"]);
    let calls = machine.state()["calls"].to_string();
    assert!(calls.contains("--no-confirm-changeset") && calls.contains("arn:aws:iam::1:role/cfn"), "{calls}");
    // What was given is stored, so the second run needs nothing.
    machine.run(&DEPLOY, &[("ENV", "prod")]).assert_has(&["The run has finished"]);
}

#[test]
fn what_is_needed_is_checked_before_anything_is_built() {
    let machine = Machine::new("needs");
    for (why, variables, reason) in [
        ("no region", vec![("AWS_REGION", "")], "there is no region. Set AWS_REGION"),
        ("no credentials", vec![("AWS_ACCESS_KEY_ID", "")], "Run `aws configure` or `aws sso login`"),
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
    std::fs::remove_file(machine.project().join("../venv/bin/cargo-lambda")).unwrap();
    machine.run(&DEPLOY, &[]).assert_fails_with(&["cargo-lambda is missing: pip install cargo-lambda"]);

    let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
    let machine = Machine::new("state");
    let rolled_back = json!({"status": "ROLLBACK_COMPLETE", "outputs": {}, "types": []});
    machine.have(&json!({"stacks": {"shop": rolled_back}}));
    machine.run(&DEPLOY, &[given]).assert_fails_with(&["shop is ROLLBACK_COMPLETE", "make destroy"]);
}

#[test]
fn failures_end_the_deployment_with_what_to_do() {
    let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
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
    ] {
        let machine = Machine::new("failures");
        machine.play(&play);
        let failed = machine.run(&DEPLOY, &[&[given][..], &variables].concat());
        assert!(!failed.text.contains("What you can do next"), "{why}: {}", failed.text);
        failed.assert_fails_with(&[reason]);
    }
    let machine = Machine::new("denied");
    machine.play(&json!({"denied": ["secretsmanager:GetSecretValue"]}));
    machine
        .run(&DEPLOY, &[given])
        .assert_has(&["no run was tried, because you may not read the shared token"]);
}

#[test]
fn entry_point_that_is_not_used_any_more_is_deleted_only_if_confirmed() {
    let machine = Machine::new("changed");
    let first = ("PARAMETERS", "EntryPoint=cloudfront Model=scripted/demo AlarmEmail=");
    machine.run(&DEPLOY, &[first]).assert_has(&[]);
    assert_eq!(machine.stacks(), ["shop", "shop-cloudfront"]);
    let changed = ("PARAMETERS", "EntryPoint=server-token");

    let refused = machine.run(&DEPLOY, &[changed]);

    refused.assert_fails_with(&["shop-cloudfront is a second entry point"]);
    assert_eq!(machine.state()["stacks"]["shop"]["parameters"]["EntryPoint"], "cloudfront");
    machine
        .type_into(&DEPLOY, &[("Delete it when the core is deployed? [y/N]", "n")], &[])
        .assert_fails_with(&["YES=1"]);
    machine
        .type_into(&DEPLOY, &[("Delete it when the core is deployed? [y/N]", "y")], &[])
        .assert_has(&["run has finished"]);
    assert_eq!(machine.stacks(), ["shop"]);
}

#[test]
fn rollback_moves_the_alias_after_a_confirmation() {
    let machine = Machine::new("rollback");
    let given = ("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=");
    let rollback = ["make", "rollback"];
    machine
        .run(&rollback, &[])
        .assert_fails_with(&["there is no stack shop in eu-central-1: run make deploy"]);
    machine.run(&DEPLOY, &[given]).assert_has(&[]);
    machine.run(&rollback, &[("YES", "1")]).assert_fails_with(&["version 1 is the oldest one"]);
    for code in ["second", "third"] {
        machine.run(&DEPLOY, &[("FAKE_CODE", code)]).assert_has(&[]);
    }

    machine.run(&rollback, &[]).assert_fails_with(&["now version 3", "then version 2", "add YES=1"]);
    machine.type_into(&rollback, &[("[y/N]", "")], &[]).assert_has(&["Nothing was changed."]);
    assert_eq!(machine.alias("shop-Agent"), "3");
    machine.run(&rollback, &[("YES", "1")]).assert_has(&["Forward again: make rollback VERSION=3"]);
    assert_eq!(machine.alias("shop-Agent"), "2");
    machine.run(&rollback, &[("YES", "1")]).assert_has(&["then version 1"]);
    for (version, reason) in [("7", "There are: 1, 2, 3"), ("1", "is at version 1 already")] {
        machine.run(&rollback, &[("YES", "1"), ("VERSION", version)]).assert_fails_with(&[reason]);
    }
    machine.run(&rollback, &[("YES", "1"), ("VERSION", "3")]).assert_has(&["The alias live is at version 3"]);
    machine.run(&DEPLOY, &[("FAKE_CODE", "fourth")]).assert_has(&[]);
    assert_eq!(machine.alias("shop-Agent"), "4");
}

#[test]
fn destroy_lists_what_is_lost_and_deletes_after_a_confirmation() {
    let machine = Machine::new("destroy");
    let destroy = ["make", "destroy"];
    machine
        .run(&destroy, &[])
        .assert_has(&["There is no stack shop in eu-central-1, so nothing was deleted."]);
    let given = (
        "PARAMETERS",
        "EntryPoint=rest-iam Model=scripted/demo AlarmEmail=ops@example.com IamPrincipals=arn:x",
    );
    machine.run(&DEPLOY, &[given]).assert_has(&[]);
    let lost = [
        "shop-alarms",
        "1 x RestApi: the REST API and its URL",
        "1 x Secret: secrets. All copies of the token are invalid",
        "1 x Table: the table of used approvals",
    ];

    machine.run(&destroy, &[]).assert_fails_with(&[&lost[..], &["add YES=1"]].concat());
    machine.type_into(&destroy, &[("(shop): ", "y")], &[]).assert_has(&["Nothing was deleted."]);
    assert_eq!(machine.stacks(), ["shop", "shop-alarms", "shop-rest-api"]);
    machine
        .run(&destroy, &[("YES", "1")])
        .assert_has(&["Deleting shop-rest-api Deleting shop Everything is deleted."]);
    assert_eq!(machine.stacks(), Vec::<String>::new());
}
