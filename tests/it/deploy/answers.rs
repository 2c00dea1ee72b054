//! Answers: the questions, `PARAMETERS`, and what is refused before anything is built.

use std::path::Path;

use serde_json::json;

use super::machine::{Machine, real_sam};
use super::pasted::paste_run;
use crate::support::cloudformation::Template;

const DEPLOY: [&str; 2] = ["make", "deploy"];

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
    paste_run(&machine, &deployed, &[]).assert_has(&["\"delta\": \"Hello!\""]);
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
fn answers_that_a_later_stack_refuses_are_refused_first() {
    let pool = "CognitoUserPoolArn=arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Ab";
    let topic = "alarms.AlarmTopicArn=arn:aws:sns:eu-central-1:123456789012:alarms";
    for (entry_point, email, more, reason) in [
        ("rest-cognito", "", pool, "PARAMETERS='CognitoScopes=...'"),
        ("rest-lambda", "", "AuthorizerFunctionArn=none", "needs your authorizer"),
        ("server-token", "ops@example.com", topic, "AlarmTopicArn is in place of AlarmEmail"),
        (
            "cloudfront",
            "",
            "AllowedOrigins=https://app.example",
            "Use browser-jwt, cloudfront with UserJwtIssuer, or rest-*.",
        ),
    ] {
        let machine = Machine::with_templates("refused-first", Path::new(env!("CARGO_MANIFEST_DIR")));
        let answers = format!("EntryPoint={entry_point} Model=scripted/demo AlarmEmail={email} {more}");

        let refused = machine.run(&DEPLOY, &[("PARAMETERS", &answers)]);

        refused.assert_fails_with(&[reason]);
        assert!(machine.calls().is_empty(), "{entry_point}: {:?}", machine.calls());
    }
}

/// Lambda refuses a longer one only while the stack is changed.
#[test]
fn description_of_a_version_may_have_256_characters() {
    let core = Template::expand("template.yaml");
    let roles = |length: usize| {
        let role = |name: &str| format!("arn:aws:sts::123456789012:assumed-role/{name}/*");
        [role("web-servers"), role("workers-at-night"), role(&"x".repeat(length))].join(",")
    };
    let described = |roles: &str| {
        let parameters = [("EntryPoint", "signed-url"), ("Model", "scripted/demo"), ("IamPrincipals", roles)];
        let stack = core.deployed(&parameters);
        let version = stack.all("AWS::Lambda::Version").first().copied().unwrap().to_owned();
        stack.properties(&version)["Description"].as_str().unwrap().len()
    };
    let fitting = 256 - described(&roles(0));
    let (fits, long) = (roles(fitting), roles(fitting + 1));
    let answers =
        |roles: &str| format!("EntryPoint=signed-url Model=scripted/demo AlarmEmail= IamPrincipals={roles}");
    let machine = Machine::with_templates("description", Path::new(env!("CARGO_MANIFEST_DIR")));

    let refused = machine.run(&DEPLOY, &[("PARAMETERS", &answers(&long))]);

    let named = format!("Long are IamPrincipals ({} characters). One ARN with * can stand for", long.len());
    refused.assert_fails_with(&["would have 257 characters, and Lambda accepts 256", &named]);
    let origins: Vec<_> = (10..22).map(|shop| format!("https://shop-{shop}.example")).collect();
    let pages = format!(
        "EntryPoint=rest-lambda AuthorizerFunctionArn=arn:aws:lambda:eu-central-1:123456789012:function:authorize \
         Model=scripted/demo AlarmEmail= AllowedOrigins={}",
        origins.join(",")
    );
    let refused = machine.run(&DEPLOY, &[("PARAMETERS", &pages)]);
    refused.assert_fails_with(&["Long are AllowedOrigins (", "Name fewer origins."]);
    assert!(machine.calls().is_empty(), "{:?}", machine.calls());

    let (name, sam) = real_sam();
    let alone = format!(
        "export PATH=$PWD/.venv-sam/bin:$PATH; sam build && \
         sam deploy --region eu-central-1 \
           --parameter-overrides 'EntryPoint=signed-url Model=scripted/demo IamPrincipals={long}'"
    );
    machine
        .run(&["bash", "-c", &alone], &[(name, &sam), ("SAM_CLI_TELEMETRY", "0")])
        .assert_fails_with(&["at 'description' failed to satisfy constraint"]);
    machine.run(&DEPLOY, &[("PARAMETERS", &answers(&fits))]).assert_has(&["What you can do next"]);
}

/// A terminal breaks longer lines anywhere, and an error is what people read most.
#[test]
fn messages_are_broken_at_words() {
    let machine = Machine::new("columns");
    machine
        .run(&DEPLOY, &[("PARAMETERS", "EntryPoint=server-token Model=scripted/demo AlarmEmail=")])
        .assert_has(&[]);
    for (command, variables) in [
        (DEPLOY, vec![("AWS_REGION", "us-east-1")]),
        (DEPLOY, vec![("PARAMETERS", "FunctionName=x")]),
        (DEPLOY, vec![("PARAMETERS", "EntryPoint=rest-cognito")]),
        (DEPLOY, vec![("WITH", "cargo-lambda"), ("AGUI_MODEL", "a/m"), ("AGUI_TOKEN_SECRET_ID", "token")]),
        (DEPLOY, vec![("AWS_ACCESS_KEY_ID", "")]),
        (["make", "rollback"], vec![]),
        (["make", "destroy"], vec![]),
    ] {
        let refused = machine.run(&command, &variables);
        refused.assert_fails_with(&["deploy: "]);
        for line in refused.text.lines() {
            assert!(line.len() <= 80, "{variables:?}: {line}");
        }
    }
}

/// `FunctionName` looks like the name of the agent, and is what the alarms watch.
#[test]
fn parameter_of_a_stack_needs_the_name_of_its_stack() {
    let machine = Machine::with_templates("owner", Path::new(env!("CARGO_MANIFEST_DIR")));
    for (given, reason) in [
        ("FunctionName=x", "template.yaml. Name the stack that you mean: alarms.FunctionName=..."),
        ("Url=https://x.example", "cloudfront.Url=..."),
        ("AlarmTopicArn=arn:x", "alarms.AlarmTopicArn=... or rotation.AlarmTopicArn=..."),
        ("RequestsPerSecond=5", "rest-api.RequestsPerSecond=..."),
    ] {
        machine.run(&DEPLOY, &[("PARAMETERS", given)]).assert_fails_with(&[reason]);
    }
    assert!(machine.calls().is_empty(), "{:?}", machine.calls());
}

#[test]
fn arguments_that_all_steps_need_are_refused() {
    let machine = Machine::new("arguments");
    for (argument, instead) in [
        ("--region us-east-1", "set region in samconfig.toml instead"),
        ("--stack-name=other", "set stack_name in samconfig.toml instead"),
        ("--config-env prod", "set ENV instead"),
        ("--parameter-overrides Model=scripted/demo", "set PARAMETERS instead"),
    ] {
        machine.run(&DEPLOY, &[("ARGS", argument)]).assert_fails_with(&[instead]);
    }
    assert!(machine.calls().is_empty(), "{:?}", machine.calls());
}

#[test]
fn environment_has_no_settings_of_another_one() {
    let machine = Machine::new("global");
    let config = machine.file("samconfig.toml");
    let config = format!(
        "{config}\n[default.global.parameters]\nregion = \"us-east-1\"\n\n[prod.global.parameters]\nregion = \"eu-west-1\"\n"
    );
    std::fs::write(machine.project().join("samconfig.toml"), config).unwrap();
    let without = ("AWS_REGION", "");
    machine.run(&["make", "destroy"], &[without]).assert_has(&["There is no stack shop in us-east-1"]);
    let prod = machine.run(&["make", "destroy"], &[without, ("ENV", "prod")]);
    prod.assert_has(&["There is no stack shop-prod in eu-west-1"]);
    let config =
        machine.file("samconfig.toml").replace("[prod.global.parameters]\nregion = \"eu-west-1\"\n", "");
    std::fs::write(machine.project().join("samconfig.toml"), config).unwrap();
    let prod = machine.run(&["make", "destroy"], &[without, ("ENV", "prod")]);
    prod.assert_fails_with(&["there is no region"]);
}
