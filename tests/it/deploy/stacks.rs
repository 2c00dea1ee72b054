//! The stacks in deploy/ that take outputs of template.yaml: alarms, rotation, a REST API, and CloudFront.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::template::documented_headers;
use crate::support::cloudformation::{Parameter, Stack, Template};

static ALARMS: LazyLock<Template> = LazyLock::new(|| Template::expand("deploy/alarms.yaml"));
static ROTATION: LazyLock<Template> = LazyLock::new(|| Template::expand("deploy/rotation.yaml"));
static REST_API: LazyLock<Template> = LazyLock::new(|| Template::expand("deploy/rest-api.yaml"));
static CLOUDFRONT: LazyLock<Template> = LazyLock::new(|| Template::expand("deploy/cloudfront.yaml"));

const ALIAS: Parameter<'_> =
    ("AliasArn", "arn:aws:lambda:eu-central-1:123456789012:function:agent-Agent-1:live");
const TOPIC: Parameter<'_> = ("AlarmTopicArn", "arn:aws:sns:eu-central-1:123456789012:alarms");
const FUNCTION: [Parameter<'_>; 2] = [("FunctionName", "agent"), ("LogGroup", "agent-logs")];
const SECRETS: [Parameter<'_>; 2] = [("TokenSecretArn", "arn:token"), ("ApprovalSecretArn", "arn:key")];
const POOL: Parameter<'_> =
    ("CognitoUserPoolArn", "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_a");
const AUTHORIZER: Parameter<'_> =
    ("AuthorizerFunctionArn", "arn:aws:lambda:eu-central-1:123456789012:function:authorizer");

/// Returns the parameters of a REST API in front of this entry point.
fn rest<'a>(entry: &'a str, more: &[Parameter<'a>]) -> Vec<Parameter<'a>> {
    [&[ALIAS, ("EntryPoint", entry)], more].concat()
}

#[test]
fn stacks_take_outputs_by_their_names() {
    let core = Template::expand("template.yaml").deployed(&[]).outputs();
    for (stack, template) in
        [("alarms", &ALARMS), ("rotation", &ROTATION), ("rest-api", &REST_API), ("cloudfront", &CLOUDFRONT)]
    {
        for (name, declared) in template.expanded()["Parameters"].as_object().unwrap() {
            let is_known = declared.get("Default").is_some() || core.contains_key(name);
            assert!(is_known, "{stack}: {name} has no default, and template.yaml has no output of this name");
        }
    }
    // These are outputs of another of these stacks.
    assert!(REST_API.deployed(&rest("rest-iam", &[])).outputs().contains_key("ApiName"));
    assert!(ALARMS.deployed(&[&FUNCTION[..], &[TOPIC]].concat()).outputs().contains_key("AlarmTopicArn"));
    assert!(ALARMS.parameters().contains(&"ApiName") && ROTATION.parameters().contains(&"AlarmTopicArn"));
}

/// Returns the metrics that an alarm reads, each with its dimensions.
fn metrics(alarm: &Value) -> Vec<String> {
    let queries = alarm.get("Metrics").and_then(Value::as_array).into_iter().flatten();
    let queried = queries.filter_map(|query| query.pointer("/MetricStat/Metric"));
    let text = |metric: &Value, name: &str| metric[name].as_str().unwrap().to_owned();
    let line = |metric: &Value| {
        let dimensions = metric.get("Dimensions").and_then(Value::as_array).into_iter().flatten();
        let dimensions = dimensions.map(|of| format!(" {}={}", text(of, "Name"), text(of, "Value")));
        format!(
            "{}/{}{}",
            text(metric, "Namespace"),
            text(metric, "MetricName"),
            dimensions.collect::<String>()
        )
    };
    queried.chain(alarm.get("MetricName").map(|_| alarm)).map(line).collect()
}

/// Checks what all alarms have in common, and returns the threshold of this one.
fn checked_threshold(stack: &Stack, name: &str) -> Value {
    let alarm = stack.properties(name);
    for actions in ["AlarmActions", "OKActions"] {
        assert_eq!(alarm[actions], json!([TOPIC.1]), "{name}");
    }
    assert_eq!(alarm["TreatMissingData"], "notBreaching", "{name}");
    assert_eq!(alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold", "{name}: more is worse");
    if let Some(statistic) = alarm.get("Statistic") {
        assert_eq!((statistic, &alarm["Period"]), (&json!("Sum"), &json!(300)), "{name}");
    }
    alarm["Threshold"].clone()
}

#[test]
fn each_alarm_has_its_metric_and_topic() {
    let stack = ALARMS.deployed(
        &[&FUNCTION[..], &[TOPIC, ("AlarmAtTokensPerHour", "1000000"), ("TimeoutSeconds", "120")]].concat(),
    );
    let of_function = |metric: &str| format!("AWS/Lambda/{metric} FunctionName=agent");
    let of_service = |metric: &str| format!("AgUiLambda/{metric} service=agent");
    let alarms = [
        ("FailedRunsAlarm", vec![of_service("Failures"), of_service("Runs")], json!(20)),
        (
            "RefusalsAlarm",
            vec!["AgUiLambda/Refusals service=agent code=UNAUTHENTICATED".into(), of_function("Invocations")],
            json!(50),
        ),
        ("TokensAlarm", vec![of_service("InputTokens"), of_service("OutputTokens")], json!("1000000")),
        ("BudgetFailuresAlarm", vec!["AgUiLambda/BudgetFailures-agent".into()], json!(1)),
        ("ErrorsAlarm", vec![of_function("Errors")], json!(1)),
        ("ThrottlesAlarm", vec![of_function("Throttles")], json!(5)),
        ("DurationAlarm", vec![of_function("Duration")], json!(90)),
        ("Url5xxAlarm", vec![of_function("Url5xxCount")], json!(5)),
    ];
    for (name, expected, threshold) in &alarms {
        assert_eq!(&metrics(stack.properties(name)), expected, "{name}");
        assert_eq!(&checked_threshold(&stack, name), threshold, "{name}");
    }
    assert_eq!(stack.all("AWS::CloudWatch::Alarm"), alarms.iter().map(|(name, ..)| *name).collect());
    assert_eq!(stack.all("AWS::CloudWatch::Dashboard").len(), 1);

    let duration = &stack.properties("DurationAlarm")["Metrics"];
    assert_eq!(duration[0]["Expression"], "duration / (10 * 120)", "percent of the timeout");
    assert_eq!(duration[1]["MetricStat"]["Stat"], "p99");
    // A run ends two seconds before the timeout, so every run stays below this percentage.
    let limit =
        |parameter: &str, limit: &str| ALARMS.expanded()["Parameters"][parameter][limit].as_f64().unwrap();
    let shortest = limit("TimeoutSeconds", "MinValue");
    let reached = 100.0 * (shortest - 2.0) / shortest;
    assert!(limit("AlarmAtDurationPercent", "MaxValue") <= reached, "the alarm can be raised at any setting");
    let core = Template::expand("template.yaml").deployed(&[]);
    let timeout = core.properties("Agent")["Timeout"].as_f64().unwrap();
    assert!(
        (limit("TimeoutSeconds", "Default") - timeout).abs() < 0.1,
        "both templates have the same timeout"
    );

    let of_api = ALARMS.deployed(&[&FUNCTION[..], &[("ApiName", "agent-rest-api"), TOPIC]].concat());
    assert!(!of_api.has("Url5xxAlarm") && !of_api.has("TokensAlarm"));
    let api = metrics(of_api.properties("Api5xxAlarm"));
    assert_eq!(api, ["AWS/ApiGateway/5XXError ApiName=agent-rest-api Stage=live"]);
    checked_threshold(&of_api, "Api5xxAlarm");

    let filter = stack.properties("BudgetFailures");
    assert_eq!(filter["LogGroupName"], "agent-logs");
    assert_eq!(filter["MetricTransformations"][0]["MetricValue"], "1", "each line counts");
    assert_eq!(filter["MetricTransformations"][0]["MetricName"], "BudgetFailures-agent");
}

#[test]
fn alarms_are_sent_to_one_topic_or_none() {
    let without = ALARMS.deployed(&FUNCTION);
    assert!(without.properties("ErrorsAlarm").get("AlarmActions").is_none());
    assert!(without.all("AWS::SNS::Topic").is_empty() && !without.outputs().contains_key("AlarmTopicArn"));

    let by_mail = ALARMS.deployed(&[&FUNCTION[..], &[("AlarmEmail", "ops@example.com")]].concat());
    assert_eq!(by_mail.properties("ErrorsAlarm")["AlarmActions"], json!(["Topic"]));
    assert_eq!(by_mail.outputs()["AlarmTopicArn"], "Topic");
    let subscription = &by_mail.properties("Topic")["Subscription"];
    assert_eq!(subscription, &json!([{"Protocol": "email", "Endpoint": "ops@example.com"}]));
    assert_eq!(
        by_mail.statements("TopicPolicy"),
        [r#"sns:Publish on Topic if {"StringEquals":{"aws:SourceAccount":"123456789012"}}"#]
    );

    let both = ALARMS.resolve(&[&FUNCTION[..], &[TOPIC, ("AlarmEmail", "ops@example.com")]].concat());
    assert!(both.err().unwrap().contains("not both"));
    assert!(!ALARMS.deployed(&[&FUNCTION[..], &[("Dashboard", "off")]].concat()).has("AgentDashboard"));
}

#[test]
fn token_is_rotated_only_if_asked_for() {
    let default = ROTATION.deployed(&SECRETS);
    assert!(!default.has("TokenRotation"), "its holders have to be ready");

    let stack = ROTATION.deployed(&[&SECRETS[..], &[("TokenRotationDays", "14")]].concat());
    for (schedule, secret, days) in
        [("TokenRotation", "arn:token", "14"), ("ApprovalKeyRotation", "arn:key", "30")]
    {
        // Secrets Manager tests a new schedule by calling the function.
        assert_eq!(stack.resource(schedule)["DependsOn"], "RotatePermission");
        let rotation = stack.properties(schedule);
        assert_eq!(
            (&rotation["SecretId"], &rotation["RotationLambdaARN"]),
            (&json!(secret), &json!("Rotate.Arn"))
        );
        assert_eq!(rotation["RotationRules"]["AutomaticallyAfterDays"], days);
        assert_eq!(rotation["RotateImmediatelyOnUpdate"], false, "{schedule}: a deployment rotates nothing");
    }
    let off = ROTATION.deployed(&[&SECRETS[..], &[("ApprovalKeyRotationDays", "off")]].concat());
    assert!(off.all("AWS::SecretsManager::RotationSchedule").is_empty());
    assert!(ROTATION.resolve(&[&SECRETS[..], &[("TokenRotationDays", "1001")]].concat()).is_err());
}

#[test]
fn rotation_has_only_the_needed_actions_and_caller() {
    let key = "arn:aws:kms:eu-central-1:123456789012:key/1";
    let stack = ROTATION.deployed(&[&SECRETS[..], &[("SecretsKeyArn", key), TOPIC]].concat());

    assert_eq!(
        stack.statements("RotateRole"),
        [
            "secretsmanager:DescribeSecret, secretsmanager:GetSecretValue, secretsmanager:PutSecretValue, \
             secretsmanager:UpdateSecretVersionStage on arn:token, arn:key",
            "logs:CreateLogStream, logs:PutLogEvents on RotateLogs.Arn",
            &format!(
                r#"kms:Decrypt, kms:GenerateDataKey on {key} if {{"StringEquals":{{"kms:ViaService":"secretsmanager.eu-central-1.amazonaws.com"}}}}"#
            ),
        ]
    );
    assert!(stack.properties("RotateRole").get("ManagedPolicyArns").is_none());
    assert_eq!(stack.all("AWS::IAM::Role"), BTreeSet::from(["RotateRole"]));
    assert_eq!(
        stack.permissions(),
        ["secretsmanager.amazonaws.com lambda:InvokeFunction Rotate SourceAccount=123456789012"]
    );
    let rotate = stack.properties("Rotate");
    assert_eq!(
        (&rotate["Architectures"], &rotate["Runtime"]),
        (&json!(["arm64"]), &json!("provided.al2023"))
    );
    assert!(rotate.get("Environment").is_none());
    assert_eq!(rotate["LoggingConfig"]["LogFormat"], "JSON");
    assert_eq!(metrics(stack.properties("RotationAlarm")), ["AWS/Lambda/Errors FunctionName=Rotate"]);
    assert_eq!(checked_threshold(&stack, "RotationAlarm"), 1);
}

#[test]
fn each_new_token_is_announced() {
    let stack = ROTATION.deployed(&[&SECRETS[..], &[TOPIC]].concat());
    let notice = stack.properties("NewTokenNotice");

    assert_eq!(
        notice["EventPattern"],
        json!({
            "source": ["aws.secretsmanager"],
            "detail-type": ["Secret Label Updated"],
            "resources": ["arn:token"],
            "detail": {"labelUpdated": ["AWSCURRENT"]},
        })
    );
    assert_eq!(notice["Targets"][0]["Arn"], TOPIC.1);
    let text = notice["Targets"][0]["InputTransformer"]["InputTemplate"].as_str().unwrap();
    assert!(text.starts_with('"') && text.ends_with('"') && !text.contains('\n'), "one JSON text: {text}");
    assert!(!ROTATION.deployed(&SECRETS).has("NewTokenNotice"), "without a topic it would be sent to nobody");
}

#[test]
fn rest_api_lets_in_only_whom_its_authorizer_knows() {
    let gateway = "apigateway.amazonaws.com lambda:InvokeFunction";
    let source = "SourceArn=arn:aws:execute-api:eu-central-1:123456789012:Api";
    let agent = format!("{gateway} {} {source}/live/*/*", ALIAS.1);
    let authorizer = format!("{gateway} {} {source}/authorizers/*", AUTHORIZER.1);
    let ids = ("CognitoClientIds", "abc,def");
    let cognito = |more: Value| {
        let mut authorizer = json!({"type": "cognito_user_pools", "providerARNs": [POOL.1]});
        authorizer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        authorizer
    };
    let by_function = |kind: &str| {
        json!({
            "type": kind,
            "identitySource": "method.request.header.Authorization",
            "authorizerUri": format!("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{}/invocations", AUTHORIZER.1),
            // A cached policy for POST would refuse GET.
            "authorizerResultTtlInSeconds": 0,
        })
    };
    for (parameters, kind, scheme, scopes, permissions) in [
        (
            rest("rest-cognito", &[POOL, ids]),
            "cognito_user_pools",
            cognito(json!({"identityValidationExpression": "^(abc|def)$"})),
            json!([]),
            vec![&agent],
        ),
        (
            rest("rest-cognito", &[POOL, ("CognitoScopes", "agent/run,agent/read")]),
            "cognito_user_pools",
            cognito(json!({})),
            json!(["agent/run", "agent/read"]),
            vec![&agent],
        ),
        (
            rest("rest-lambda", &[AUTHORIZER]),
            "custom",
            by_function("token"),
            json!([]),
            vec![&agent, &authorizer],
        ),
        (
            rest("rest-lambda", &[AUTHORIZER, ("AuthorizerType", "request")]),
            "custom",
            by_function("request"),
            json!([]),
            vec![&agent, &authorizer],
        ),
        (rest("rest-iam", &[]), "awsSigv4", Value::Null, json!([]), vec![&agent]),
    ] {
        let stack = REST_API.deployed(&parameters);
        let body = &stack.properties("Api")["Body"];
        let caller = &body["components"]["securitySchemes"]["caller"];
        assert_eq!(caller["x-amazon-apigateway-authtype"], kind, "{parameters:?}");
        assert_eq!(caller["x-amazon-apigateway-authorizer"], scheme, "{parameters:?}");

        let paths = body["paths"].as_object().unwrap();
        assert_eq!(paths.keys().collect::<Vec<_>>(), ["/{proxy+}"]);
        let methods = &paths["/{proxy+}"];
        let names: BTreeSet<_> = methods.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(["get", "options", "post"]));
        for method in ["get", "post"] {
            assert_eq!(methods[method]["security"], json!([{"caller": scopes}]), "{method} {parameters:?}");
        }
        let mut expected: Vec<String> = permissions.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(stack.permissions(), expected, "{parameters:?}");
    }
}

#[test]
fn rest_api_streams_from_the_alias() {
    let stack = REST_API.deployed(&rest("rest-iam", &[]));
    let api = stack.properties("Api");
    let methods = &api["Body"]["paths"]["/{proxy+}"];
    for method in ["get", "post"] {
        let integration = &methods[method]["x-amazon-apigateway-integration"];
        assert_eq!(
            (&integration["type"], &integration["responseTransferMode"]),
            (&json!("aws_proxy"), &json!("STREAM"))
        );
        let uri = integration["uri"].as_str().unwrap();
        assert!(uri.contains("/2021-11-15/") && uri.ends_with("/response-streaming-invocations"), "{uri}");
        assert!(uri.contains(ALIAS.1), "{uri}");
    }
    assert_eq!(methods["post"]["x-amazon-apigateway-integration"]["timeoutInMillis"], 900_000);
    assert_eq!(api["EndpointConfiguration"]["Types"], json!(["REGIONAL"]));
}

#[test]
fn rest_api_is_throttled_logged_and_protected() {
    let acl = ("WebAclArn", "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/a/1");
    let stack =
        REST_API.deployed(&rest("rest-iam", &[("RequestsPerSecond", "5"), ("RequestBurst", "10"), acl]));
    let stages: Vec<_> = stack.all("AWS::ApiGateway::Stage").into_iter().collect();
    assert_eq!(stages, ["ApiliveStage"]);
    let stage = stack.properties("ApiliveStage");
    let limit = json!([{"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": "5", "ThrottlingBurstLimit": "10"}]);
    assert_eq!(stage["MethodSettings"], limit);

    let access = &stage["AccessLogSetting"];
    assert_eq!(access["DestinationArn"], "AccessLogs.Arn");
    let line: Value = serde_json::from_str(access["Format"].as_str().unwrap()).unwrap();
    let members: BTreeSet<_> =
        line.as_object().unwrap().values().map(|value| value.as_str().unwrap()).collect();
    for needed in ["$context.status", "$context.identity.sourceIp", "$context.error.responseType"] {
        assert!(members.contains(needed), "{needed}");
    }
    for member in members {
        assert!(!member.contains("claims") && !member.contains("header"), "{member} may be a secret");
    }
    // API Gateway can write logs only with the account's role, so the logs come after it.
    assert_eq!(stack.properties("AccessLogs")["Tags"][0]["Value"], "AccountLogs");
    assert_eq!(stack.resource("AccountLogs")["DeletionPolicy"], "Retain", "other APIs use it");
    assert!(!REST_API.deployed(&rest("rest-iam", &[("ApiLogRole", "existing")])).has("AccountLogs"));

    let association = stack.properties("WebAcl");
    assert_eq!(association["WebACLArn"], acl.1);
    let stage = "arn:aws:apigateway:eu-central-1::/restapis/Api/stages/ApiliveStage";
    assert_eq!(association["ResourceArn"], stage);
    assert!(!REST_API.deployed(&rest("rest-iam", &[])).has("WebAcl"));
}

#[test]
fn rest_api_answers_preflights_of_allowed_origins() {
    let origins = ("AllowedOrigins", "https://app.example,http://localhost:3000");
    let stack = REST_API.deployed(&rest("rest-iam", &[origins]));
    let body = &stack.properties("Api")["Body"];
    let preflight = &body["paths"]["/{proxy+}"]["options"];
    let integration = &preflight["x-amazon-apigateway-integration"];
    assert_eq!(integration["type"], "mock", "it reaches no function");
    assert!(preflight.get("security").is_none(), "it has no token");

    let response = &integration["responses"]["default"];
    let header =
        |name: &str| response["responseParameters"][format!("method.response.header.{name}")].clone();
    assert_eq!(header("Access-Control-Allow-Origin"), "'https://app.example'");
    assert_eq!(header("Vary"), "'Origin'");
    let headers = header("Access-Control-Allow-Headers");
    let headers: BTreeSet<_> = headers.as_str().unwrap().trim_matches('\'').split(',').collect();
    let documented = documented_headers("A page may send");
    assert_eq!(headers, documented.iter().map(String::as_str).collect());
    let template = response["responseTemplates"]["application/json"].as_str().unwrap();
    assert!(template.contains(&format!(r#"#set($allowed = ",{},")"#, origins.1)), "{template}");
    assert!(
        template.contains("$context.responseOverride.header.Access-Control-Allow-Origin = $origin"),
        "{template}"
    );
    assert_eq!(template.matches("#if").count(), template.matches("#end").count(), "{template}");
    assert!(
        body["x-amazon-apigateway-gateway-responses"]["DEFAULT_4XX"].is_object(),
        "a page can read a 401"
    );

    let without = REST_API.deployed(&rest("rest-iam", &[]));
    let body = &without.properties("Api")["Body"];
    assert!(body.get("x-amazon-apigateway-gateway-responses").is_none());
    let response =
        &body["paths"]["/{proxy+}"]["options"]["x-amazon-apigateway-integration"]["responses"]["default"];
    assert!(response.get("responseParameters").is_none() && response.get("responseTemplates").is_none());
}

#[test]
fn rest_api_has_a_domain_instead_of_its_own_address() {
    let domain = ("DomainName", "api.example.com");
    let certificate = ("CertificateArn", "arn:aws:acm:eu-central-1:123456789012:certificate/1");
    let closed = |stack: &Stack| {
        let servers = &stack.properties("Api")["Body"]["servers"];
        servers[0]["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"].clone()
    };
    let stack = REST_API.deployed(&rest("rest-iam", &[domain, certificate, ("BasePath", "agent")]));
    assert_eq!(closed(&stack), true, "a second address would have no WAF of the domain and another name");
    assert_eq!(stack.properties("Domain")["SecurityPolicy"], "TLS_1_2");
    let mapping = stack.properties("DomainPath");
    let expected =
        json!({"DomainName": "Domain", "RestApiId": "Api", "Stage": "ApiliveStage", "BasePath": "agent"});
    assert_eq!(mapping, &expected);
    assert_eq!(stack.outputs()["Url"], "https://api.example.com/agent/agui");

    let at_root = REST_API.deployed(&rest("rest-iam", &[domain, certificate]));
    assert!(at_root.properties("DomainPath").get("BasePath").is_none());
    assert_eq!(at_root.outputs()["Url"], "https://api.example.com/agui");
    let without = REST_API.deployed(&rest("rest-iam", &[]));
    assert_eq!(closed(&without), false);
    assert_eq!(without.outputs()["Url"], "https://Api.execute-api.eu-central-1.amazonaws.com/live/agui");
}

#[test]
fn rest_api_refuses_what_is_incomplete() {
    let ids = ("CognitoClientIds", "abc");
    let scopes = ("CognitoScopes", "agent/run");
    for (why, parameters, refused) in [
        ("no pool", rest("rest-cognito", &[ids]), "needs CognitoUserPoolArn"),
        ("every app client of the pool", rest("rest-cognito", &[POOL]), "every app client"),
        ("tokens of two kinds", rest("rest-cognito", &[POOL, ids, scopes]), "one of the two"),
        ("no authorizer", rest("rest-lambda", &[]), "needs AuthorizerFunctionArn"),
        ("no certificate", rest("rest-iam", &[("DomainName", "api.example.com")]), "needs CertificateArn"),
        ("a path of two segments", rest("rest-iam", &[("BasePath", "a/b")]), "BasePath"),
        ("a path of no domain", rest("rest-iam", &[("BasePath", "agent")]), "need DomainName"),
        ("an agent with a public URL beside it", rest("server-token", &[]), "EntryPoint"),
        ("the function without its alias", vec![("AliasArn", &ALIAS.1[..ALIAS.1.len() - 5])], "AliasArn"),
    ] {
        let refusal = REST_API.resolve(&parameters).err().unwrap_or_else(|| panic!("{why}: {parameters:?}"));
        assert!(refusal.contains(refused), "{why}: {refusal}");
    }
}

/// Returns the parameters of CloudFront.
fn cloudfront<'a>(more: &[Parameter<'a>]) -> Vec<Parameter<'a>> {
    let core = [ALIAS, ("Url", "https://abc.lambda-url.eu-central-1.on.aws/"), ("EntryPoint", "cloudfront")];
    [&core[..], more].concat()
}

#[test]
fn only_this_distribution_may_call_the_url() {
    let stack = CLOUDFRONT.deployed(&cloudfront(&[]));
    let source = "SourceArn=arn:aws:cloudfront::123456789012:distribution/Distribution";

    assert_eq!(
        stack.permissions(),
        [
            format!(
                "cloudfront.amazonaws.com lambda:InvokeFunction {} InvokedViaFunctionUrl=true {source}",
                ALIAS.1
            ),
            format!(
                "cloudfront.amazonaws.com lambda:InvokeFunctionUrl {} FunctionUrlAuthType=AWS_IAM {source}",
                ALIAS.1
            ),
        ]
    );
    let config = &stack.properties("Distribution")["DistributionConfig"];
    assert_eq!(config["Origins"][0]["DomainName"], "abc.lambda-url.eu-central-1.on.aws");
    assert_eq!(config["Origins"][0]["OriginAccessControlId"], "Signature.Id");
    assert_eq!(config["DefaultCacheBehavior"]["Compress"], false, "it would collect frames");
    assert_eq!(config["ViewerCertificate"], json!({"CloudFrontDefaultCertificate": true}));
    assert!(config.get("Aliases").is_none() && config.get("Logging").is_none());
    for entry in ["server-token", "browser-jwt", "signed-url"] {
        let refused = CLOUDFRONT.resolve(&[&cloudfront(&[])[..2], &[("EntryPoint", entry)]].concat()).err();
        assert_eq!(refused.as_deref(), Some("EntryPoint"), "its callers could pass CloudFront by");
    }
}

#[test]
fn distribution_has_domains_with_current_tls_and_logs() {
    let certificate = ("CertificateArn", "arn:aws:acm:us-east-1:123456789012:certificate/1");
    let domains = ("DomainNames", "agent.example.com,agent.example.org");
    let logs = ("LogBucket", "my-logs.s3.amazonaws.com");
    let stack = CLOUDFRONT.deployed(&cloudfront(&[domains, certificate, logs]));
    let config = &stack.properties("Distribution")["DistributionConfig"];

    assert_eq!(config["Aliases"], json!(["agent.example.com", "agent.example.org"]));
    assert_eq!(config["ViewerCertificate"]["MinimumProtocolVersion"], "TLSv1.2_2021");
    assert_eq!(config["ViewerCertificate"]["AcmCertificateArn"], certificate.1);
    assert_eq!(config["Logging"]["Bucket"], logs.1);
    assert_eq!(stack.outputs()["Url"], "https://agent.example.com/");
    for incomplete in [[domains], [certificate]] {
        let refused = CLOUDFRONT.resolve(&cloudfront(&incomplete)).err().unwrap();
        assert!(refused.contains("need each other"), "{refused}");
    }
    let elsewhere = ("CertificateArn", "arn:aws:acm:eu-central-1:123456789012:certificate/1");
    assert!(CLOUDFRONT.resolve(&cloudfront(&[domains, elsewhere])).is_err(), "CloudFront reads us-east-1");
}
