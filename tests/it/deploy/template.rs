//! template.yaml as SAM expands it: the resources of a deployment, down to each action of a role.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use ag_ui_lambda::Config;
use serde_json::{Value, json};

use crate::support::python;

static EXPANDED: LazyLock<Value> = LazyLock::new(|| {
    let expanded = python().args(["scripts/expand-template.py", "template.yaml"]).output().unwrap();
    assert!(expanded.status.success(), "{}", String::from_utf8_lossy(&expanded.stderr));
    serde_json::from_slice(&expanded.stdout).unwrap()
});

/// Returns a resource of the expanded template.
fn resource(name: &str) -> &'static Value {
    let resource = &EXPANDED["Resources"][name];
    assert!(resource.is_object(), "there is no {name}");
    resource
}

/// Returns the properties of a resource.
fn properties(name: &str) -> &'static Value {
    &resource(name)["Properties"]
}

/// The variables whose values are written in the template instead of being parameters.
const PLAIN: [&str; 9] = [
    "AGUI_CLIENT_COMPAT",
    "AGUI_FRONTEND_TOOLS",
    "AGUI_CLIENT_CONTEXT",
    "AGUI_CLIENT_MEDIA",
    "AGUI_SEND_EXPIRES_AT",
    "AGUI_ANONYMOUS_APPROVALS",
    "AGUI_REQUIRE_SIGNED_RESULTS",
    "AGUI_MAX_INPUT_BYTES",
    "AGUI_MAX_RESULT_BYTES",
];

/// Returns the names of all resources of a type.
fn all(kind: &str) -> BTreeSet<&'static str> {
    let resources = EXPANDED["Resources"].as_object().unwrap().iter();
    resources.filter(|(_, resource)| resource["Type"] == kind).map(|(name, _)| name.as_str()).collect()
}

/// Formats a value briefly: references by name, conditions as `If ? this : that`.
fn short(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(short).collect::<Vec<_>>();
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => list(items).join(", "),
        Value::Object(members) if members.len() == 1 => {
            let (function, of) = members.iter().next().unwrap();
            let of_list = of.as_array().map(|of| list(of)).unwrap_or_default();
            match (function.as_str(), &of_list[..]) {
                ("Ref" | "Fn::Sub", _) => short(of),
                ("Fn::GetAtt", [resource, attribute]) => format!("{resource}.{attribute}"),
                ("Fn::If", [condition, yes, no]) if no == "AWS::NoValue" => format!("{condition} ? {yes}"),
                ("Fn::If", [condition, yes, no]) => format!("{condition} ? {yes} : {no}"),
                _ => value.to_string(),
            }
        }
        other => other.to_string(),
    }
}

/// Returns the statements of a role, one line for each: its condition, actions, resources and limits.
fn statements(role: &str) -> Vec<String> {
    let policies = properties(role)["Policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1, "{role}");
    assert!(properties(role).get("ManagedPolicyArns").is_none(), "{role}");
    let statements = policies[0]["PolicyDocument"]["Statement"].as_array().unwrap();
    let line = |statement: &Value| {
        assert_eq!(statement["Effect"], "Allow");
        let limit = statement.get("Condition").map(|limit| format!(" if {limit}")).unwrap_or_default();
        format!("{} on {}{limit}", short(&statement["Action"]), short(&statement["Resource"]))
    };
    let lines = statements.iter().map(|statement| match statement["Fn::If"].as_array() {
        Some(parts) => format!("{}: {}", short(&parts[0]), line(&parts[1])),
        None => line(statement),
    });
    lines.collect()
}

/// Evaluates a condition for these parameters, with the defaults for all others.
fn holds(condition: &str, parameters: &[(&str, &str)]) -> bool {
    /// Evaluates a part of a condition.
    fn value<'a>(of: &'a Value, parameters: &[(&str, &'a str)]) -> Value {
        match of {
            Value::Object(members) => {
                let (function, of) = members.iter().next().unwrap();
                let name = of.as_str().unwrap_or_default();
                match function.as_str() {
                    "Ref" => match parameters.iter().find(|(known, _)| *known == name) {
                        Some((_, value)) => json!(value),
                        None => EXPANDED["Parameters"][name]["Default"].clone(),
                    },
                    "Condition" => holds(name, parameters).into(),
                    "Fn::Join" => match &of[1] {
                        Value::Array(parts) => {
                            let texts = parts.iter().map(|part| value(part, parameters));
                            texts.map(|text| text.as_str().unwrap().to_owned()).collect::<String>().into()
                        }
                        part => value(part, parameters),
                    },
                    "Fn::Equals" => (value(&of[0], parameters) == value(&of[1], parameters)).into(),
                    "Fn::Not" => (value(&of[0], parameters) == json!(false)).into(),
                    "Fn::Or" => list(of).any(|one| value(one, parameters) == json!(true)).into(),
                    "Fn::And" => list(of).all(|one| value(one, parameters) == json!(true)).into(),
                    other => panic!("{other}"),
                }
            }
            text => text.clone(),
        }
    }
    /// Returns the items of a list.
    fn list(of: &Value) -> std::slice::Iter<'_, Value> {
        of.as_array().unwrap().iter()
    }
    let condition = EXPANDED["Conditions"].get(condition).unwrap_or_else(|| panic!("no {condition}"));
    value(condition, parameters) == json!(true)
}

#[test]
fn conditions_hold_for_their_parameters() {
    const ROLE: (&str, &str) = ("UrlInvoker", "arn:aws:iam::123456789012:role/web");
    const IAM: (&str, &str) = ("UrlAuthType", "AWS_IAM");
    for (condition, parameters, expected) in [
        ("UrlIsPublic", &[][..], true),
        ("UrlIsPublic", &[IAM], false),
        ("UrlIsPublic", &[IAM, ROLE], false),
        ("UrlHasInvoker", &[], true),
        ("UrlHasInvoker", &[IAM], false),
        ("UrlHasInvoker", &[IAM, ROLE], true),
        ("UsesBedrock", &[], true),
        ("UsesBedrock", &[("BedrockModelArns", "")], false),
        ("UsesModelSecret", &[], false),
        ("UsesModelSecret", &[("ModelSecretArn", "arn")], true),
        ("UsesGuardrail", &[], false),
        ("HasRestApi", &[], false),
        ("HasRestApi", &[("RestApi", "cognito")], true),
        ("RestByCognito", &[("RestApi", "cognito")], true),
        ("RestByCognito", &[("RestApi", "lambda-token")], false),
        ("RestByToken", &[("RestApi", "lambda-token")], true),
        ("RestByAuthorizer", &[("RestApi", "lambda-token")], true),
        ("RestByAuthorizer", &[("RestApi", "lambda-request")], true),
        ("RestByAuthorizer", &[("RestApi", "cognito")], false),
        ("HasScopes", &[("CognitoScopes", "agent/run")], true),
        ("HasScopes", &[], false),
        ("HasOrigin", &[], false),
        ("HasBudget", &[], false),
        ("HasBudget", &[("UserTokensPerDay", "1")], true),
        ("HasTable", &[], true),
        ("HasTable", &[("ApprovalTable", "off")], false),
        ("HasTable", &[("ApprovalTable", "off"), ("OrgTokensPerDay", "1")], true),
        ("IsLimited", &[], false),
        ("IsLimited", &[("ReservedConcurrency", "0")], true),
        ("IsTraced", &[], false),
        ("HasAlarmTopic", &[], false),
        ("HasIssuer", &[], false),
        ("Rotates", &[], true),
        ("Rotates", &[("TokenRotationDays", "off"), ("ApprovalKeyRotationDays", "off")], false),
        ("RotatesToken", &[("ApprovalKeyRotationDays", "off")], true),
        ("RotatesKey", &[("ApprovalKeyRotationDays", "off")], false),
    ] {
        assert_eq!(holds(condition, parameters), expected, "{condition} of {parameters:?}");
    }
    let default = |parameter: &str| &EXPANDED["Parameters"][parameter]["Default"];
    assert_eq!((default("MaxTokens"), default("UserTokensPerDay")), (&json!("200000"), &json!("")));
    assert_eq!((default("Authentication"), default("UrlAuthType")), (&json!("token"), &json!("NONE")));
}

#[test]
fn url_streams_with_both_conditional_permissions() {
    let url = properties("AgentUrl");
    assert_eq!(url["InvokeMode"], "RESPONSE_STREAM");
    assert_eq!(
        (short(&url["TargetFunctionArn"]), short(&url["AuthType"])),
        ("Agent.Arn".into(), "UrlAuthType".into())
    );

    let (invoke_url, invoke) = ("AgentUrlPermission", "AgentUrlFunctionPermission");
    for permission in [invoke_url, invoke] {
        assert_eq!(resource(permission)["Condition"], "UrlHasInvoker");
        assert_eq!(short(&properties(permission)["Principal"]), "UrlIsPublic ? * : UrlInvoker");
        assert_eq!(short(&properties(permission)["FunctionName"]), "Agent");
    }
    assert_eq!(properties(invoke_url)["Action"], "lambda:InvokeFunctionUrl");
    assert_eq!(short(&properties(invoke_url)["FunctionUrlAuthType"]), "UrlAuthType");
    assert_eq!(properties(invoke)["Action"], "lambda:InvokeFunction");
    assert_eq!(properties(invoke)["InvokedViaFunctionUrl"], true, "else whole events could be forged");
}

#[test]
fn only_listed_principals_may_invoke_functions() {
    let services = [
        ("ApiPermission", "Agent", "apigateway.amazonaws.com"),
        ("ApiAuthorizerPermission", "AuthorizerFunctionArn", "apigateway.amazonaws.com"),
        ("RotatePermission", "Rotate", "secretsmanager.amazonaws.com"),
    ];
    for (permission, function, service) in services {
        let permission = properties(permission);
        assert_eq!(permission["Action"], "lambda:InvokeFunction", "{function}");
        assert_eq!(
            (short(&permission["FunctionName"]), &permission["Principal"]),
            (function.into(), &json!(service))
        );
        let is_limited = permission.get("SourceArn").is_some() || permission.get("SourceAccount").is_some();
        assert!(is_limited, "{function}: a service acts for every account that asks it to");
    }
    let services = services.iter().map(|(permission, ..)| *permission);
    let known = services.chain(["AgentUrlPermission", "AgentUrlFunctionPermission"]).collect();
    assert_eq!(all("AWS::Lambda::Permission"), known);
}

#[test]
fn roles_have_only_the_needed_actions() {
    let through_secrets = r#"{"StringEquals":{"kms:ViaService":{"Fn::Sub":"secretsmanager.${AWS::Region}.${AWS::URLSuffix}"}}}"#;
    let guardrail = "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:guardrail/${GuardrailId}";
    assert_eq!(
        statements("AgentRole"),
        [
            "secretsmanager:GetSecretValue on SharedToken, ApprovalKey, WhoKey",
            "logs:CreateLogStream, logs:PutLogEvents on AgentLogs.Arn",
            "UsesBedrock: bedrock:InvokeModelWithResponseStream on BedrockModelArns",
            &format!("UsesGuardrail: bedrock:ApplyGuardrail on {guardrail}"),
            "UsesModelSecret: secretsmanager:GetSecretValue on ModelSecretArn",
            &format!("HasSecretsKey: kms:Decrypt on SecretsKeyArn if {through_secrets}"),
            "HasTable: dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on Approvals.Arn",
            "IsTraced: xray:PutTraceSegments, xray:PutTelemetryRecords on *",
        ]
    );
    assert_eq!(
        statements("RotateRole"),
        [
            "secretsmanager:DescribeSecret, secretsmanager:GetSecretValue, secretsmanager:PutSecretValue, \
             secretsmanager:UpdateSecretVersionStage on SharedToken, ApprovalKey",
            "logs:CreateLogStream, logs:PutLogEvents on RotateLogs.Arn",
            &format!("HasSecretsKey: kms:Decrypt, kms:GenerateDataKey on SecretsKeyArn if {through_secrets}"),
        ]
    );
    assert_eq!(all("AWS::IAM::Role"), BTreeSet::from(["AgentRole", "RotateRole"]));
    for role in ["AgentRole", "RotateRole"] {
        let trust = &properties(role)["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().unwrap().len(), 1, "{role}");
        assert_eq!(trust[0]["Principal"], json!({"Service": "lambda.amazonaws.com"}), "{role}");
    }
}

#[test]
fn functions_are_arm64_and_log_json_at_debug_at_most() {
    for (function, binary, role, logs, level) in [
        ("Agent", "ag-ui-lambda", "AgentRole.Arn", "AgentLogs", "LogLevel"),
        ("Rotate", "ag-ui-rotate", "RotateRole.Arn", "RotateLogs", "INFO"),
    ] {
        let built = json!({"BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": binary}});
        let mut metadata = resource(function)["Metadata"].clone();
        metadata.as_object_mut().unwrap().retain(|name, _| name.starts_with("Build"));
        assert_eq!(metadata, built, "{function}");
        let properties_of = properties(function);
        assert_eq!(properties_of["Architectures"], json!(["arm64"]), "{function}");
        assert_eq!(
            (&properties_of["Runtime"], &properties_of["Handler"]),
            (&json!("provided.al2023"), &json!("bootstrap"))
        );
        assert_eq!(short(&properties_of["Role"]), role);
        let logging = &properties_of["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "JSON", "{function}: its metric filters read JSON");
        assert_eq!(
            (short(&logging["LogGroup"]), short(&logging["ApplicationLogLevel"])),
            (logs.into(), level.into())
        );
        assert_eq!(logging["SystemLogLevel"], "WARN", "{function}");
        assert_eq!(short(&properties(logs)["RetentionInDays"]), "LogRetentionDays", "{function}");
    }
    assert_eq!(EXPANDED["Parameters"]["LogLevel"]["AllowedValues"], json!(["DEBUG", "INFO"]));
    let agent = properties("Agent");
    assert_eq!(short(&agent["ReservedConcurrentExecutions"]), "IsLimited ? ReservedConcurrency");
    assert_eq!(short(&agent["TracingConfig"]["Mode"]), "Tracing");
}

#[test]
fn sets_only_known_variables_outside_local_mode() {
    let variables = properties("Agent")["Environment"]["Variables"].as_object().unwrap();
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
    for (name, value) in variables {
        assert!(read.contains(name), "nothing reads {name}");
        assert!(
            !value.is_string() || PLAIN.contains(&name.as_str()),
            "{name} is a parameter's or a resource's"
        );
    }
    // Commented lines to edit, which show what the function does without them.
    let plain = |name: &str| variables.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    for name in PLAIN {
        assert!(plain(name).is_some(), "{name} stands there to be edited");
    }
    let written = Config::from_lookup(|name| match name {
        "AGUI_MODEL" => Some("bedrock/m".into()),
        "AGUI_TOKEN_SECRET_ID" => Some("arn".into()),
        name => plain(name),
    });
    // The template has a key for approvals, so it requires signed results.
    let mut expected = config.unwrap().client;
    expected.require_signed_results = true;
    let written = written.unwrap();
    assert_eq!(written.client, expected);
    assert_eq!((written.limits.input_bytes, written.limits.result_bytes), (1024 * 1024, 256 * 1024));
    for (name, source) in [
        ("AGUI_TABLE", "HasTable ? Approvals : "),
        ("AGUI_MAX_TOKENS", "MaxTokens"),
        ("AGUI_BUDGET_USER_TOKENS", "UserTokensPerDay"),
        ("AGUI_BUDGET_ORG_TOKENS", "OrgTokensPerDay"),
        ("AGUI_TOKEN_SECRET_ID", "SharedToken"),
        ("AGUI_APPROVAL_SECRET_ID", "ApprovalKey"),
        ("AGUI_WHO_SECRET_ID", "WhoKey"),
    ] {
        assert_eq!(short(&variables[name]), source, "{name}");
    }
    assert!(properties("Rotate").get("Environment").is_none());
    let text = EXPANDED.to_string();
    let words: BTreeSet<&str> = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    for local in ["AGUI_LOCAL", "AGUI_TOKEN", "AGUI_APPROVAL_KEY"] {
        assert!(read.contains(local) && !words.contains(local), "{local}");
    }
}

#[test]
fn rest_api_streams_behind_its_authorizer_with_preflights() {
    let api = properties("Api");
    let paths = api["Body"]["paths"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/{proxy+}"]);
    let methods = paths["/{proxy+}"].as_object().unwrap();
    assert_eq!(
        methods.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        BTreeSet::from(["get", "options", "post"])
    );

    let integration = "x-amazon-apigateway-integration";
    for method in ["get", "post"] {
        assert_eq!(methods[method]["security"].as_array().unwrap().len(), 1, "{method}");
        assert!(methods[method]["security"][0].get("caller").is_some(), "{method}");
        let integration = &methods[method][integration];
        assert_eq!(
            (&integration["type"], &integration["responseTransferMode"]),
            (&json!("aws_proxy"), &json!("STREAM"))
        );
        assert!(
            short(&integration["uri"]).ends_with("/${Agent.Arn}/response-streaming-invocations"),
            "{method}"
        );
    }
    assert_eq!(methods["post"][integration]["timeoutInMillis"], 900_000);

    let preflight = &methods["options"];
    assert_eq!(preflight[integration]["type"], "mock", "it reaches no function");
    assert!(preflight.get("security").is_none(), "it carries no token");

    let authorizer = &api["Body"]["components"]["securitySchemes"]["caller"];
    let kind = short(&authorizer["x-amazon-apigateway-authtype"]);
    assert_eq!(kind, "RestByCognito ? cognito_user_pools : custom");
    assert_eq!(authorizer["x-amazon-apigateway-authorizer"]["Fn::If"][2]["authorizerResultTtlInSeconds"], 0);
}

#[test]
fn failed_runs_are_counted_from_their_final_line() {
    let filter = properties("FailedRuns");
    assert_eq!(filter["FilterPattern"], r#"{ ($.message = "run finished") && ($.outcome = "error") }"#);
    assert_eq!(properties("FinishedRuns")["FilterPattern"], r#"{ $.message = "run finished" }"#);
    let failed = r#"{ $.message = "the store of budgets failed" }"#;
    assert_eq!(properties("BudgetFailures")["FilterPattern"], failed);
    for filter in ["FailedRuns", "FinishedRuns", "BudgetFailures"] {
        assert_eq!(short(&properties(filter)["LogGroupName"]), "AgentLogs");
        let metric = &properties(filter)["MetricTransformations"][0];
        assert_eq!(metric["MetricName"], filter);
        assert_eq!(metric["MetricValue"], "1", "each line counts");
        assert_eq!(short(&metric["MetricNamespace"]), "AgUiLambda/${AWS::StackName}");
    }
}

#[test]
fn each_alarm_has_its_metric_and_topic() {
    let agent = "FunctionName=Agent";
    let alarms = [
        ("FailedRunsAlarm", "AgUiLambda/${AWS::StackName}", "FailedRuns", "", "AlarmAtFailedRuns"),
        ("BudgetFailuresAlarm", "AgUiLambda/${AWS::StackName}", "BudgetFailures", "", "1"),
        ("ErrorsAlarm", "AWS/Lambda", "Errors", agent, "1"),
        ("ThrottlesAlarm", "AWS/Lambda", "Throttles", agent, "AlarmAtThrottles"),
        ("DurationAlarm", "AWS/Lambda", "Duration", agent, "AlarmAtDurationPercent"),
        ("Url5xxAlarm", "AWS/Lambda", "Url5xxCount", agent, "AlarmAt5xx"),
        ("Api5xxAlarm", "AWS/ApiGateway", "5XXError", "ApiName=AWS::StackName Stage=live", "AlarmAt5xx"),
        ("RotationAlarm", "AWS/Lambda", "Errors", "FunctionName=Rotate", "1"),
    ];
    for (name, namespace, metric, dimensions, threshold) in alarms {
        let alarm = properties(name);
        let watched = alarm.get("Metrics").map_or(alarm, |metrics| &metrics[1]["MetricStat"]["Metric"]);
        assert_eq!(
            (short(&watched["Namespace"]), &watched["MetricName"]),
            (namespace.into(), &json!(metric)),
            "{name}"
        );
        let dimension_names = watched.get("Dimensions").and_then(Value::as_array).into_iter().flatten();
        let dimension_names =
            dimension_names.map(|of| format!("{}={}", short(&of["Name"]), short(&of["Value"])));
        assert_eq!(dimension_names.collect::<Vec<_>>().join(" "), dimensions, "{name}");
        assert_eq!(short(&alarm["Threshold"]), threshold, "{name}");
        assert_eq!(short(&alarm["AlarmActions"]), "HasAlarmTopic ? AlarmTopicArn", "{name}");
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{name}");
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold", "{name}: more is worse");
        if let Some(statistic) = alarm.get("Statistic") {
            assert_eq!((statistic, &alarm["Period"]), (&json!("Sum"), &json!(300)), "{name}");
        }
    }
    let duration = &properties("DurationAlarm")["Metrics"];
    assert_eq!(
        short(&duration[0]["Expression"]),
        "duration / (10 * ${TimeoutSeconds})",
        "percent of the time-out"
    );
    assert_eq!(duration[1]["MetricStat"]["Stat"], "p99");
    // A run ends two seconds before the timeout, so every run stays below this percentage.
    let limit = |parameter: &str, limit: &str| EXPANDED["Parameters"][parameter][limit].as_f64().unwrap();
    let shortest = limit("TimeoutSeconds", "MinValue");
    let reached = 100.0 * (shortest - 2.0) / shortest;
    assert!(limit("AlarmAtDurationPercent", "MaxValue") <= reached, "the alarm can be raised at any setting");
    assert_eq!(all("AWS::CloudWatch::Alarm"), alarms.iter().map(|(name, ..)| *name).collect());
    assert_eq!(all("AWS::CloudWatch::Dashboard").len(), 1);
}

#[test]
fn key_of_callers_names_is_generated_and_never_rotated() {
    let generated = &properties("WhoKey")["GenerateSecretString"];
    assert_eq!((&generated["GenerateStringKey"], &generated["PasswordLength"]), (&json!("key"), &json!(64)));
    assert_eq!(short(&properties("WhoKey")["KmsKeyId"]), "HasSecretsKey ? SecretsKeyArn");
    for schedule in all("AWS::SecretsManager::RotationSchedule") {
        assert_ne!(short(&properties(schedule)["SecretId"]), "WhoKey", "{schedule}");
    }
}

#[test]
fn both_secrets_are_generated_and_rotated_on_schedule() {
    for (secret, member, characters, schedule, condition, days) in [
        ("SharedToken", "token", 48, "TokenRotation", "RotatesToken", "TokenRotationDays"),
        ("ApprovalKey", "key", 64, "ApprovalKeyRotation", "RotatesKey", "ApprovalKeyRotationDays"),
    ] {
        let properties_of = &properties(secret)["GenerateSecretString"];
        assert_eq!(
            (&properties_of["GenerateStringKey"], &properties_of["PasswordLength"]),
            (&json!(member), &json!(characters))
        );
        assert_eq!(short(&properties(secret)["KmsKeyId"]), "HasSecretsKey ? SecretsKeyArn");

        assert_eq!(resource(schedule)["Condition"], condition);
        // Secrets Manager tests a new schedule by calling the function.
        assert_eq!(resource(schedule)["DependsOn"], "RotatePermission");
        let rotation = properties(schedule);
        assert_eq!(short(&rotation["SecretId"]), secret);
        assert_eq!(short(&rotation["RotationLambdaARN"]), "Rotate.Arn");
        assert_eq!(short(&rotation["RotationRules"]["AutomaticallyAfterDays"]), days);
        assert_eq!(rotation["RotateImmediatelyOnUpdate"], false, "{schedule}: a deployment rotates nothing");
    }
    assert_eq!(resource("Rotate")["Condition"], "Rotates");
    assert_eq!(properties("RotatePermission")["SourceAccount"], json!({"Ref": "AWS::AccountId"}));
}
