//! template.yaml: who may call the agent at each entry point, and the resources of a deployment down to each action of a role.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use ag_ui_lambda::Config;
use serde_json::{Value, json};

use crate::support::cloudformation::{Parameter, Stack, Template};

static CORE: LazyLock<Template> = LazyLock::new(|| Template::expand("template.yaml"));

const ISSUER: Parameter<'_> = ("UserJwtIssuer", "https://issuer.example");
const AUDIENCE: Parameter<'_> = ("UserJwtAudience", "app");
const ORIGINS: Parameter<'_> = ("AllowedOrigins", "https://app.example,http://localhost:3000");
const PRINCIPALS: Parameter<'_> = ("IamPrincipals", "arn:aws:sts::123456789012:assumed-role/web/*");

/// Returns the parameters of each entry point, as few as it needs.
fn entry_points() -> Vec<Vec<Parameter<'static>>> {
    let entry = |name, more: &[Parameter<'static>]| [&[("EntryPoint", name)], more].concat();
    vec![
        entry("browser-jwt", &[ISSUER, AUDIENCE, ORIGINS]),
        entry("server-token", &[]),
        entry("signed-url", &[]),
        entry("cloudfront", &[]),
        entry("rest-cognito", &[]),
        entry("rest-lambda", &[]),
        entry("rest-iam", &[PRINCIPALS]),
    ]
}

/// Returns the variables of the function.
fn variables(stack: &Stack) -> Vec<(String, String)> {
    let variables = stack.properties("Agent")["Environment"]["Variables"].as_object().unwrap();
    variables.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// Returns the value of a variable of the function.
fn variable(stack: &Stack, name: &str) -> String {
    let found = variables(stack).into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("{name} is not set")).1
}

#[test]
fn core_can_be_read_in_one_sitting() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml")).unwrap();

    assert!(text.lines().count() <= 200, "{} lines", text.lines().count());
    assert!(CORE.parameters().len() <= 10, "{:?}", CORE.parameters());
}

#[test]
fn each_entry_point_is_documented_and_tested() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy.md")).unwrap();
    let declared = set(&CORE.expanded()["Parameters"]["EntryPoint"]["AllowedValues"]);

    let tested: BTreeSet<_> = entry_points().into_iter().map(|parameters| parameters[0].1).collect();
    assert_eq!(declared, tested);
    for entry_point in declared {
        assert!(page.contains(&format!("\n| `{entry_point}`")), "the table has no row for {entry_point}");
    }
}

#[test]
fn each_entry_point_admits_only_its_callers() {
    let public = [
        "* lambda:InvokeFunction AgentAliaslive InvokedViaFunctionUrl=true",
        "* lambda:InvokeFunctionUrl AgentAliaslive FunctionUrlAuthType=NONE",
    ];
    let with = |entry, more: &[Parameter<'static>]| [&[("EntryPoint", entry)], more].concat();
    for (parameters, url, auth, anybody) in [
        (with("browser-jwt", &[ISSUER, AUDIENCE, ORIGINS]), Some("NONE"), "jwt", true),
        (with("server-token", &[]), Some("NONE"), "token", true),
        (with("server-token", &[ISSUER, AUDIENCE]), Some("NONE"), "token", true),
        (with("signed-url", &[]), Some("AWS_IAM"), "token", false),
        (with("signed-url", &[PRINCIPALS]), Some("AWS_IAM"), "authorizer", false),
        (with("cloudfront", &[]), Some("AWS_IAM"), "token", false),
        (with("cloudfront", &[ISSUER, AUDIENCE]), Some("AWS_IAM"), "jwt", false),
        (with("cloudfront", &[ISSUER, AUDIENCE, ORIGINS]), Some("AWS_IAM"), "jwt", false),
        (with("rest-cognito", &[]), None, "authorizer", false),
        (with("rest-lambda", &[ORIGINS]), None, "authorizer", false),
        (with("rest-iam", &[PRINCIPALS]), None, "authorizer", false),
    ] {
        let stack = CORE.deployed(&parameters);

        let has_url =
            stack.has("AgentUrl").then(|| stack.properties("AgentUrl")["AuthType"].as_str().unwrap());
        assert_eq!(has_url, url, "{parameters:?}");
        assert_eq!(stack.outputs().contains_key("Url"), url.is_some(), "{parameters:?}");
        assert_eq!(variable(&stack, "AGUI_AUTH"), auth, "{parameters:?}");
        let permissions = stack.permissions();
        assert_eq!(permissions, if anybody { &public[..] } else { &[] }, "{parameters:?}");
    }
}

/// Returns the headers that docs/http.md names in the sentence that begins with these words.
pub(super) fn documented_headers(start: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/http.md")).unwrap();
    let (_, sentence) = page.split_once(start).unwrap();
    let sentence = sentence.split('.').next().unwrap();
    sentence.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// Returns the texts of a list.
fn set(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn urls_stream_from_the_alias_to_allowed_origins() {
    for parameters in entry_points() {
        let stack = CORE.deployed(&parameters);
        if !stack.has("AgentUrl") {
            continue;
        }
        let url = stack.properties("AgentUrl");
        // A URL keeps its host only on the alias that it was created on.
        assert_eq!(
            (&url["TargetFunctionArn"], &url["InvokeMode"]),
            (&json!("AgentAliaslive"), &json!("RESPONSE_STREAM"))
        );
        let has_origins = parameters.contains(&ORIGINS);
        assert_eq!(url.get("Cors").is_some(), has_origins, "{parameters:?}");
    }

    let for_browsers = CORE.deployed(&entry_points()[0]);
    let cors = &for_browsers.properties("AgentUrl")["Cors"];
    assert_eq!(cors["AllowOrigins"], json!(["https://app.example", "http://localhost:3000"]));
    assert!(cors.get("AllowCredentials").is_none(), "no cookie proves anything");
    // The hash is for CloudFront, which signs it.
    let headers = [documented_headers("A page may send"), vec!["x-amz-content-sha256".into()]].concat();
    assert_eq!(set(&cors["AllowHeaders"]), headers.iter().map(String::as_str).collect());
    assert!(!headers.contains(&"x-agui-token".into()), "no page has the token");
    // AWS may pass a header on under another name.
    let readable =
        [documented_headers("A page may read"), vec!["x-amzn-remapped-www-authenticate".into()]].concat();
    assert_eq!(set(&cors["ExposeHeaders"]), readable.iter().map(String::as_str).collect());
    assert_eq!(
        variable(&for_browsers, "AGUI_CORS_ORIGINS"),
        "",
        "a header that comes twice is refused by browsers"
    );

    let rest = CORE.deployed(&[("EntryPoint", "rest-lambda"), ORIGINS]);
    assert_eq!(variable(&rest, "AGUI_CORS_ORIGINS"), ORIGINS.1, "a REST API passes responses on as they are");
}

#[test]
fn parameters_that_do_not_agree_are_refused() {
    let with = |entry, more: &[Parameter<'static>]| [&[("EntryPoint", entry)], more].concat();
    for (why, parameters, refused) in [
        ("no issuer", with("browser-jwt", &[ORIGINS]), "EntryPoint=browser-jwt needs UserJwtIssuer"),
        ("no origin", with("browser-jwt", &[ISSUER, AUDIENCE]), "AllowedOrigins"),
        ("no audience", with("browser-jwt", &[ISSUER, ORIGINS]), "need each other"),
        ("no issuer", with("server-token", &[AUDIENCE]), "need each other"),
        ("the token in a page", with("server-token", &[ORIGINS]), "must not have the token"),
        ("a signature of a page", with("signed-url", &[ORIGINS]), "must not have the token"),
        ("the token through CloudFront", with("cloudfront", &[ORIGINS]), "cloudfront with UserJwtIssuer"),
        ("no principal", with("rest-iam", &[]), "EntryPoint=rest-iam needs IamPrincipals"),
        ("a principal who does not sign", with("rest-cognito", &[PRINCIPALS]), "IamPrincipals are for"),
        ("CloudFront signs for everybody", with("cloudfront", &[PRINCIPALS]), "IamPrincipals are for"),
        ("an entry point of another version", with("public-url", &[]), "EntryPoint"),
        ("a path", vec![("AllowedOrigins", "https://a.example/chat")], "AllowedOrigins"),
        ("a blank", vec![("AllowedOrigins", "https://a.example, https://b.example")], "AllowedOrigins"),
        ("a part of a host", vec![("AllowedOrigins", "https://*.example")], "AllowedOrigins"),
        ("a capital letter", vec![("AllowedOrigins", "https://App.example")], "AllowedOrigins"),
        ("no TLS", vec![("UserJwtIssuer", "http://issuer.example")], "UserJwtIssuer"),
        ("a blank", with("server-token", &[ISSUER, ("UserJwtAudience", "page, phone")]), "UserJwtAudience"),
        ("no adapter", vec![("Model", "claude-haiku-5-5")], "Model"),
        ("a role for every model", vec![("Model", "bedrock/*")], "Model"),
        ("a role for some models", vec![("Model", "openai/m,bedrock/anthropic.claude-?")], "Model"),
        (
            "a role that may invoke more than the script",
            vec![("Model", "scripted/demo"), ("BedrockModelArns", "arn:aws:a")],
            "scripted/demo is not one",
        ),
        (
            "a part of an ARN, which would be denied when the agent runs",
            vec![("ModelSecretArn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keys")],
            "ModelSecretArn",
        ),
    ] {
        let refusal = CORE.resolve(&parameters).err().unwrap_or_else(|| panic!("{why}: {parameters:?}"));
        assert!(refusal.contains(refused), "{why}: {refusal}");
    }
}

#[test]
fn every_entry_point_starts_with_the_settings_of_the_template() {
    for parameters in entry_points() {
        let variables = variables(&CORE.deployed(&parameters));
        let value =
            |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());

        let config = Config::from_lookup(value);

        assert!(config.is_ok(), "{parameters:?}: {:?}", config.err());
    }
}

#[test]
fn users_of_several_apps_may_call() {
    let stack =
        CORE.deployed(&[("EntryPoint", "browser-jwt"), ISSUER, ("UserJwtAudience", "page,phone"), ORIGINS]);
    let variables = variables(&stack);
    let value =
        |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());

    let config = Config::from_lookup(value).unwrap();

    assert_eq!(config.user_tokens.unwrap().audiences, ["page", "phone"]);
}

#[test]
fn role_has_only_the_needed_actions() {
    let of = |parameters: &[Parameter<'_>]| {
        let stack = CORE.deployed(parameters);
        let role = stack.properties("AgentRole");
        let trust = &role["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().unwrap().len(), 1);
        assert_eq!(trust[0]["Principal"], json!({"Service": "lambda.amazonaws.com"}));
        assert_eq!(role["ManagedPolicyArns"], json!(["TokenReaders"]));
        assert_eq!(stack.all("AWS::IAM::Role"), BTreeSet::from(["AgentRole"]));
        assert_eq!(stack.statements("TokenReaders"), ["secretsmanager:GetSecretValue on SharedToken"]);
        stack.statements("AgentRole")
    };
    let guardrails = "bedrock:ApplyGuardrail on arn:aws:bedrock:eu-central-1:123456789012:guardrail/*, \
                      arn:aws:bedrock:*:123456789012:guardrail-profile/*";
    let always = [
        "secretsmanager:GetSecretValue on ApprovalKey, WhoKey",
        "logs:CreateLogStream, logs:PutLogEvents on AgentLogs.Arn",
        "dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on Approvals.Arn",
        guardrails,
    ];
    let invoke = "bedrock:InvokeModelWithResponseStream on";
    let models_of = |profile: &str| {
        [
            format!("{invoke} arn:aws:bedrock:*:*:*/{profile}"),
            format!(
                "{invoke} arn:aws:bedrock:*::foundation-model/*, arn:aws:bedrock:::foundation-model/* \
                 if {{\"StringLike\":{{\"bedrock:InferenceProfileArn\":\"arn:*:inference-profile/{profile}\"}}}}"
            ),
        ]
    };
    let mantle = |models: &[&str]| {
        let projects = "arn:aws:bedrock-mantle:eu-central-1:123456789012:project/*";
        let limit = json!({"StringEquals": {"bedrock-mantle:Model": models}});
        let infer = format!("bedrock-mantle:CreateInference on {projects} if {limit}");
        vec![infer, "bedrock-mantle:CallWithBearerToken on *".to_owned()]
    };
    for (parameters, more) in [
        (vec![], models_of("global.anthropic.claude-haiku-5-5").to_vec()),
        (vec![("Model", "scripted/demo")], vec![]),
        (
            vec![("Model", "bedrock/eu.amazon.nova-lite-v1:0,openai/m")],
            models_of("eu.amazon.nova-lite-v1:0").to_vec(),
        ),
        (
            vec![("Model", "bedrock/a,bedrock/b"), ("BedrockModelArns", "arn:aws:a,arn:aws:b")],
            vec![format!("{invoke} arn:aws:a, arn:aws:b")],
        ),
        (vec![("Model", "mantle/google.gemma-4-31b")], mantle(&["google.gemma-4-31b"])),
        (vec![("Model", "mantle-responses/openai.gpt-5.5")], mantle(&["openai.gpt-5.5"])),
        // A fallback may be invoked, too. What is not at this endpoint is in the list, and matches nothing there.
        (
            vec![("Model", "openai/a,mantle/openai.gpt-oss-120b,mantle-responses/openai.gpt-5.5")],
            mantle(&["openai/a", "openai.gpt-oss-120b", "openai.gpt-5.5"]),
        ),
        (vec![("Model", "openai/mantle")], vec![]),
    ] {
        let expected: Vec<_> = always.iter().map(ToString::to_string).chain(more).collect();
        assert_eq!(of(&parameters), expected, "{parameters:?}");
    }

    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:models-AbCdEf";
    let with_keys = of(&[("Model", "openai/m"), ("ModelSecretArn", arn)]);
    assert_eq!(with_keys[0], format!("secretsmanager:GetSecretValue on ApprovalKey, WhoKey, {arn}"));
}

#[test]
fn function_is_arm64_and_logs_json_with_reports() {
    let stack = CORE.deployed(&[("MaxConcurrentRuns", "20")]);
    let agent = stack.properties("Agent");

    let built = json!({"BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": "ag-ui-lambda"}});
    let mut metadata = stack.resource("Agent")["Metadata"].clone();
    metadata.as_object_mut().unwrap().retain(|name, _| name.starts_with("Build"));
    assert_eq!(metadata, built);
    assert_eq!(agent["Architectures"], json!(["arm64"]));
    assert_eq!((&agent["Runtime"], &agent["Handler"]), (&json!("provided.al2023"), &json!("bootstrap")));
    assert_eq!(agent["Role"], "AgentRole.Arn");
    assert_eq!(agent["ReservedConcurrentExecutions"], "20");
    // Alarms read the lines of runs, which are at INFO. Lambda's own report, with the memory, is at INFO too.
    let logging = json!({"LogGroup": "AgentLogs", "LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"});
    assert_eq!(agent["LoggingConfig"], logging);
    let timeout = agent["Timeout"].to_string();
    assert_eq!(variable(&stack, "AGUI_RUN_TIMEOUT_S"), timeout, "the deadline ends a run before");
    let unlimited = CORE.deployed(&[]);
    assert!(unlimited.properties("Agent").get("ReservedConcurrentExecutions").is_none());
    assert_eq!(
        CORE.deployed(&[("MaxConcurrentRuns", "0")]).properties("Agent")["ReservedConcurrentExecutions"],
        "0"
    );
}

/// Returns the names that an expression of the template refers to.
fn references(of: &Value, found: &mut BTreeSet<String>) {
    match of {
        Value::Object(members) => {
            if let Some(name) = members.get("Ref").and_then(Value::as_str) {
                found.insert(name.to_owned());
            }
            if let Some(text) = members.get("Fn::Sub").and_then(Value::as_str) {
                found.extend(text.split("${").skip(1).map(|part| part.split('}').next().unwrap().to_owned()));
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_change_publishes_a_version() {
    let resources = CORE.expanded()["Resources"].as_object().unwrap();
    let version_of = |template: &Template| {
        let resources = template.expanded()["Resources"].as_object().unwrap();
        resources.keys().find(|name| name.starts_with("AgentVersion")).unwrap().clone()
    };
    let version = &resources[&version_of(&CORE)];

    // CloudFormation replaces a version if its description changes, and publishes nothing for a changed parameter otherwise.
    let parameters: BTreeSet<String> = CORE.parameters().into_iter().map(ToOwned::to_owned).collect();
    let of = |value: &Value| {
        let mut found = BTreeSet::new();
        references(value, &mut found);
        found.intersection(&parameters).cloned().collect::<BTreeSet<_>>()
    };
    let agent = &resources["Agent"]["Properties"];
    let read = of(&json!([agent["Environment"], agent["Description"]]));
    assert_eq!(of(&version["Properties"]["Description"]), read, "what the function reads, and nothing else");
    assert!(read.contains("EntryPoint") && read.contains("Model"), "{read:?}");
    // Lambda allows 256 characters.
    let long = [
        ("EntryPoint", "browser-jwt"),
        ("Model", "bedrock/global.anthropic.claude-haiku-5-5,openai/gpt-5.5"),
        ("UserJwtIssuer", "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_0123456789"),
        ("UserJwtAudience", "0123456789abcdef0123456789abcdef"),
        (
            "ModelSecretArn",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:agent/models/production-AbCdEf",
        ),
        ORIGINS,
    ];
    let deployed = CORE.deployed(&long);
    let name = deployed.all("AWS::Lambda::Version").first().copied().unwrap().to_owned();
    let description = deployed.properties(&name)["Description"].as_str().unwrap();
    assert!(description.len() <= 256 && description.contains("production-AbCdEf"), "{description}");

    // A changed line gives the version another name.
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml")).unwrap();
    let edited = text.replace(r#"AGUI_MAX_TOKENS: "200000""#, r#"AGUI_MAX_TOKENS: "100000""#);
    assert_ne!(edited, text);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("edited-template.yaml");
    fs::write(&path, edited).unwrap();
    assert_ne!(version_of(&Template::expand(path.to_str().unwrap())), version_of(&CORE));

    // Versions stay, so that the alias can go back to them.
    assert_eq!(
        (&version["DeletionPolicy"], &version["UpdateReplacePolicy"]),
        (&json!("Retain"), &json!("Retain"))
    );
    assert!(resources["Agent"].get("DeletionPolicy").is_none(), "the function goes with its stack");
    let alias = &resources["AgentAliaslive"]["Properties"];
    assert_eq!((&alias["Name"], &alias["FunctionName"]), (&json!("live"), &json!({"Ref": "Agent"})));
    assert_eq!(alias["FunctionVersion"], json!({"Fn::GetAtt": [version_of(&CORE), "Version"]}));
}

#[test]
fn documented_canary_moves_the_alias_in_steps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/operating.md")).unwrap();
    let (_, steps) = page.split_once("### Step by step, with alarms").unwrap();
    let lines = steps.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let text = fs::read_to_string(root.join("template.yaml")).unwrap();
    let publishes = "      AutoPublishAlias: live\n";
    let edited = text.replace(publishes, &format!("{publishes}{}", lines.replace("<FunctionName>", "agent")));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("canary-template.yaml");
    fs::write(&path, edited).unwrap();

    let stack = Template::expand(path.to_str().unwrap()).deployed(&[]);

    assert!(stack.resource("AgentAliaslive")["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"].is_object());
    let group = stack.properties("AgentDeploymentGroup");
    let alarms =
        Template::expand("deploy/alarms.yaml").deployed(&[("FunctionName", "agent"), ("LogGroup", "logs")]);
    let names = alarms.all("AWS::CloudWatch::Alarm");
    let names: BTreeSet<_> =
        names.into_iter().map(|name| alarms.properties(name)["AlarmName"].as_str().unwrap()).collect();
    for alarm in group["AlarmConfiguration"]["Alarms"].as_array().unwrap() {
        assert!(names.contains(alarm["Name"].as_str().unwrap()), "{alarm} is one of {names:?}");
    }
}

/// The variables that stand there to be edited.
const PLAIN: [&str; 14] = [
    "AGUI_CLIENT_COMPAT",
    "AGUI_FRONTEND_TOOLS",
    "AGUI_CLIENT_CONTEXT",
    "AGUI_CLIENT_MEDIA",
    "AGUI_SEND_EXPIRES_AT",
    "AGUI_ANONYMOUS_APPROVALS",
    "AGUI_REQUIRE_SIGNED_RESULTS",
    "AGUI_MAX_INPUT_BYTES",
    "AGUI_MAX_RESULT_BYTES",
    "AGUI_MAX_TOKENS",
    "AGUI_RUN_TIMEOUT_S",
    "AGUI_TOKEN_GRACE_S",
    "AGUI_BUDGET_USER_TOKENS",
    "AGUI_BUDGET_ORG_TOKENS",
];

#[test]
fn sets_only_known_variables_outside_local_mode() {
    let variables = variables(&CORE.deployed(&[]));
    let read = RefCell::new(BTreeSet::new());
    let config = Config::from_lookup(|name| {
        read.borrow_mut().insert(name.to_owned());
        match name {
            "AGUI_MODEL" => Some("bedrock/m".into()),
            "AGUI_TOKEN_SECRET_ID" | "AGUI_APPROVAL_SECRET_ID" => Some("arn".into()),
            _ => None,
        }
    });
    assert!(config.is_ok(), "read to its end: {:?}", config.as_ref().err());

    let read = read.into_inner();
    for (name, _) in &variables {
        assert!(read.contains(name), "nothing reads {name}");
    }
    // Lines to edit, most of which show what the function does without them.
    let value =
        |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let plain = |name: &str| PLAIN.contains(&name).then(|| value(name).unwrap());
    let written = Config::from_lookup(|name| match name {
        "AGUI_MODEL" => Some("bedrock/m".into()),
        "AGUI_TOKEN_SECRET_ID" => Some("arn".into()),
        // Budgets need a table.
        "AGUI_TABLE" => Some("table".into()),
        name => plain(name),
    });
    // The template has a key for approvals, so it requires signed results.
    let mut expected = config.unwrap().client;
    expected.require_signed_results = true;
    let written = written.unwrap();
    assert_eq!(written.client, expected);
    assert_eq!((written.limits.input_bytes, written.limits.result_bytes), (1024 * 1024, 256 * 1024));
    assert_eq!(written.limits.tokens, Some(200_000));
    for (name, source) in [
        ("AGUI_TABLE", "Approvals"),
        ("AGUI_TOKEN_SECRET_ID", "SharedToken"),
        ("AGUI_APPROVAL_SECRET_ID", "ApprovalKey"),
        ("AGUI_WHO_SECRET_ID", "WhoKey"),
    ] {
        assert_eq!(value(name).unwrap(), source, "{name}");
    }
    let text = CORE.expanded().to_string();
    let words: BTreeSet<&str> = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    for local in ["AGUI_LOCAL", "AGUI_TOKEN", "AGUI_APPROVAL_KEY"] {
        assert!(read.contains(local) && !words.contains(local), "{local}");
    }
}

#[test]
fn secrets_are_generated_and_the_table_is_billed_by_request() {
    let stack = CORE.deployed(&[]);
    for (secret, member, characters) in
        [("SharedToken", "token", 48), ("ApprovalKey", "key", 64), ("WhoKey", "key", 64)]
    {
        let generated = &stack.properties(secret)["GenerateSecretString"];
        assert_eq!(
            (&generated["GenerateStringKey"], &generated["PasswordLength"], &generated["ExcludePunctuation"]),
            (&json!(member), &json!(characters), &json!(true)),
            "{secret}"
        );
    }
    assert_eq!(
        stack.all("AWS::SecretsManager::RotationSchedule"),
        BTreeSet::new(),
        "no token breaks by itself"
    );
    let table = stack.properties("Approvals");
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "expires", "Enabled": true}));
    assert_eq!(stack.properties("AgentLogs")["RetentionInDays"], 30);
}

#[test]
fn outputs_are_what_other_stacks_and_servers_need() {
    let outputs = json!(CORE.deployed(&[]).outputs());

    assert_eq!(
        outputs,
        json!({
            "Url": "AgentUrl.FunctionUrl",
            "FunctionName": "Agent",
            "AliasArn": "AgentAliaslive",
            "LogGroup": "AgentLogs",
            "TokenSecretArn": "SharedToken",
            "TokenReaderPolicyArn": "TokenReaders",
            "ApprovalSecretArn": "ApprovalKey",
            "EntryPoint": "server-token",
            "Table": "Approvals",
        })
    );
}
