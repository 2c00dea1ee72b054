//! The alarms of deploy/alarms.yaml and deploy/rotation.yaml, evaluated as CloudWatch does it, on the log lines of the function's
//! binary and on what Lambda measures of its invocations.

use std::collections::BTreeSet;

use ag_ui_dev::provider::{Provider, Reply as ModelReply, TurnPart, Usage, Wire};
use serde_json::{Value, json};

use super::cloudwatch::{Metrics, raised};
use super::filters::{all_lines, failed_budgets, failed_rotation, failed_start};
use super::lines::JSON;
use crate::support::cloudformation::{Stack, Template};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::{Function, Reply, TOKEN, local_function, url_event, user_input};
use crate::support::log::lines;
use crate::support::provider::variables;

/// The name that the emulator gives to a function, and the name of its log group in these tests.
const FUNCTION: &str = "ag-ui-dev";
const LOG: &str = "/aws/lambda/ag-ui-dev";

/// The ARN of the secret with the shared token.
const TOKEN_SECRET: &str = "arn:aws:secretsmanager:us-west-2:012345678901:secret:agent-token-a1b2c3";

/// The ARN of the topic that receives alarms and notices.
const TOPIC: &str = "arn:aws:sns:us-west-2:012345678901:alarms";

/// The alarms of a stack with a function URL, those of one with a REST API, and the stack of rotation.
struct Stacks {
    url: Stack,
    api: Stack,
    rotation: Stack,
}

impl Stacks {
    fn read() -> Self {
        let of_agent = [("FunctionName", FUNCTION), ("LogGroup", LOG), ("AlarmAtTokensPerHour", "1000")];
        let with_api = [&of_agent[..], &[("ApiName", "agent-api")]].concat();
        let of_secrets =
            [("TokenSecretArn", TOKEN_SECRET), ("ApprovalSecretArn", "key"), ("AlarmTopicArn", TOPIC)];
        let alarms = Template::expand("deploy/alarms.yaml");
        Self {
            url: alarms.deployed(&of_agent),
            api: alarms.deployed(&with_api),
            rotation: Template::expand("deploy/rotation.yaml").deployed(&of_secrets),
        }
    }
}

/// Sends these requests, each a shared token and a message. Returns what CloudWatch has of them then.
async fn metrics_of(function: Function, requests: &[(&str, &str)], stacks: &Stacks) -> Metrics {
    let mut metrics = Metrics::default();
    for (token, message) in requests {
        let reply =
            Reply::send(&function, &url_event(&[("x-agui-token", token)], &user_input(message))).await;
        metrics.add_invocation(FUNCTION, false);
        add_status(&mut metrics, reply.status);
    }
    metrics.add_log(&lines(&function).await, LOG, &stacks.url);
    metrics
}

/// Adds what the function URL and the REST API measure of a response with this status.
fn add_status(metrics: &mut Metrics, status: u16) {
    let is_5xx = f64::from(u8::from(status >= 500));
    metrics.add("AWS/Lambda", "Url5xxCount", &[("FunctionName", FUNCTION)], is_5xx);
    metrics.add("AWS/ApiGateway", "5XXError", &[("ApiName", "agent-api"), ("Stage", "live")], is_5xx);
}

/// Repeats a request.
fn times<'a>(count: usize, token: &'a str, message: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(token, message); count]
}

/// What happens in the period of an alarm, and the alarms that it raises in a stack with a function URL.
type Situation = (&'static str, Metrics, &'static [&'static str]);

/// Requests to the function's binary.
async fn requests(stacks: &Stacks) -> Vec<Situation> {
    let (hello, fail) = ("Good morning to you", "please fail");
    let one_turn: &[(&str, &str)] = &[JSON, ("AGUI_MAX_TURNS", "1")];
    let mut situations = Vec::new();
    for (why, variables, requests, expected) in [
        ("ordinary runs", &[JSON][..], times(10, TOKEN, hello), &[][..]),
        ("cancelled runs", one_turn, times(5, TOKEN, "What is the weather in Oslo?"), &[]),
        ("two failed runs", &[JSON], times(2, TOKEN, fail), &[]),
        ("failed runs among many", &[JSON], [times(3, TOKEN, fail), times(13, TOKEN, hello)].concat(), &[]),
        (
            "many failed runs",
            &[JSON],
            [times(3, TOKEN, fail), times(12, TOKEN, hello)].concat(),
            &["FailedRunsAlarm"],
        ),
        (
            "holders that read a rotated token again",
            &[JSON],
            [times(9, "old", hello), times(3, TOKEN, hello)].concat(),
            &[],
        ),
        (
            "guesses among many requests",
            &[JSON],
            [times(10, "guess", hello), times(11, TOKEN, hello)].concat(),
            &[],
        ),
        (
            "a holder with an old token",
            &[JSON],
            [times(10, "old", hello), times(10, TOKEN, hello)].concat(),
            &["RefusalsAlarm"],
        ),
    ] {
        let function = local_function(variables).await;
        situations.push((why, metrics_of(function, &requests, stacks).await, expected));
    }
    for (why, count, expected) in [
        ("a secret that cannot be read at first", 4, &[][..]),
        ("a secret that cannot be read", 5, &["Url5xxAlarm"]),
    ] {
        let secrets_manager = FaultProxy::new(Some(Fault::AccessDenied)).await;
        let function = secrets_manager.function("forbidden", &[JSON]).await;
        situations.push((why, metrics_of(function, &times(count, TOKEN, hello), stacks).await, expected));
    }
    for (why, input, expected) in [("tokens", 899, &[][..]), ("many tokens", 900, &["TokensAlarm"])] {
        let provider = Provider::start().await.unwrap();
        let used = TurnPart::Usage(Usage { input, output: 100, ..Usage::default() });
        provider.queue([ModelReply::stream(Wire::OpenAiChat, &[TurnPart::text("Fine."), used])]);
        let model = variables(Wire::OpenAiChat, &provider.url());
        let model: Vec<(&str, &str)> = model.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let function = local_function(&[&model[..], &[JSON]].concat()).await;
        situations.push((why, metrics_of(function, &times(1, TOKEN, hello), stacks).await, expected));
    }
    situations
}

/// Failures beside requests, with the real lines that are logged, and what only Lambda measures.
async fn failures(stacks: &Stacks) -> Vec<Situation> {
    let with_log = |log: Vec<Value>| {
        let mut metrics = Metrics::default();
        metrics.add_log(&log, LOG, &stacks.url);
        metrics
    };
    let mut not_started = with_log(failed_start().await);
    not_started.add_invocation(FUNCTION, true);
    let measured = |metric: &str, value: f64| {
        let mut metrics = Metrics::default();
        metrics.add("AWS/Lambda", metric, &[("FunctionName", FUNCTION)], value);
        metrics
    };
    vec![
        ("a table of budgets that fails", with_log(failed_budgets().await), &["BudgetFailuresAlarm"]),
        ("a function that cannot start", not_started, &["ErrorsAlarm"]),
        ("a few throttled requests", measured("Throttles", 4.0), &[]),
        ("throttled requests", measured("Throttles", 5.0), &["ThrottlesAlarm"]),
        ("long runs", measured("Duration", 269_000.0), &[]),
        ("runs that almost reach the timeout", measured("Duration", 270_000.0), &["DurationAlarm"]),
    ]
}

#[tokio::test]
async fn each_alarm_is_raised_by_its_fault_and_by_nothing_else() {
    let stacks = Stacks::read();
    let mut seen = BTreeSet::new();
    for (why, metrics, expected) in requests(&stacks).await.into_iter().chain(failures(&stacks).await) {
        assert_eq!(raised(&stacks.url, &metrics), expected, "{why}");
        let of_api = raised(&stacks.api, &metrics);
        let as_url = of_api.iter().map(|name| if *name == "Api5xxAlarm" { "Url5xxAlarm" } else { *name });
        assert!(as_url.eq(expected.iter().copied()), "{why}: {of_api:?}");
        seen.extend(expected.iter().copied().map(ToOwned::to_owned));
        seen.extend(of_api.into_iter().map(ToOwned::to_owned));
    }
    let alarms = [&stacks.url, &stacks.api].into_iter().flat_map(|stack| stack.all("AWS::CloudWatch::Alarm"));
    assert_eq!(seen, alarms.map(ToOwned::to_owned).collect(), "each alarm was raised");
}

#[tokio::test]
async fn a_failed_step_of_a_rotation_raises_the_alarm_of_its_function() {
    let stacks = Stacks::read();
    let mut metrics = Metrics::default();
    metrics.add_invocation("Rotate", false);
    assert!(raised(&stacks.rotation, &metrics).is_empty());

    // The step has failed, and its line says so.
    assert!(failed_rotation().await.iter().any(|line| line["message"] == "rotation failed"));
    metrics.add_invocation("Rotate", true);
    assert_eq!(raised(&stacks.rotation, &metrics), ["RotationAlarm"]);
}

/// The event is the example of AWS's documentation of "Secret Label Updated".
#[test]
fn a_new_token_is_announced() {
    let stacks = Stacks::read();
    let rule = stacks.rotation.properties("NewTokenNotice");
    assert_eq!(rule["Targets"][0]["Arn"], TOPIC);
    for (why, secret, label, is_announced) in [
        ("the token", TOKEN_SECRET, "AWSCURRENT", true),
        ("a label of somebody's own", TOKEN_SECRET, "tested", false),
        (
            "another secret",
            "arn:aws:secretsmanager:us-west-2:012345678901:secret:other-a1b2c3",
            "AWSCURRENT",
            false,
        ),
    ] {
        let event = json!({
            "version": "0",
            "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "detail-type": "Secret Label Updated",
            "source": "aws.secretsmanager",
            "account": "012345678901",
            "time": "2024-02-06T16:43:48Z",
            "region": "us-west-2",
            "resources": [secret],
            "detail": {"name": "agent-token", "labelUpdated": label, "versionId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"},
        });
        assert_eq!(matches(&rule["EventPattern"], &event), is_announced, "{why}");
    }
}

/// Whether an event matches a pattern of EventBridge: each member of the pattern lists the values that the event may have there.
fn matches(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().unwrap().iter().all(|(name, allowed)| match (allowed, &event[name]) {
        (Value::Object(_), inner) => matches(allowed, inner),
        (Value::Array(allowed), Value::Array(values)) => values.iter().any(|value| allowed.contains(value)),
        (Value::Array(allowed), value) => allowed.contains(value),
        (other, _) => panic!("this test knows no {other}"),
    })
}

#[tokio::test]
async fn every_metric_of_alarms_and_dashboard_is_logged() {
    let log = all_lines().await;
    let stack = Stacks::read().url;
    let mut metrics = Metrics::default();
    metrics.add_log(&log, LOG, &stack);
    let mut read = BTreeSet::new();
    for name in stack.all("AWS::CloudWatch::Alarm") {
        let alarm = stack.properties(name);
        let queries = alarm.get("Metrics").and_then(Value::as_array).into_iter().flatten();
        for metric in queries.filter_map(|query| query.pointer("/MetricStat/Metric")) {
            if metric["Namespace"] == "AgUiLambda" {
                let metric_name = metric["MetricName"].as_str().unwrap();
                let dimensions = metric["Dimensions"].as_array().unwrap().iter();
                let dimensions: Vec<_> = dimensions
                    .map(|of| (of["Name"].as_str().unwrap(), of["Value"].as_str().unwrap()))
                    .collect();
                assert!(
                    metrics.has("AgUiLambda", metric_name, &dimensions),
                    "{name}: {metric_name} is not logged"
                );
                read.insert(metric_name.to_owned());
            }
        }
    }
    assert_eq!(
        read,
        ["Failures", "InputTokens", "OutputTokens", "Refusals", "Runs"].map(ToOwned::to_owned).into()
    );

    let body = stack.properties("AgentDashboard")["DashboardBody"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    for widget in body["widgets"].as_array().unwrap() {
        let drawn = widget["properties"].get("metrics").and_then(Value::as_array).into_iter().flatten();
        let mut namespace = Value::Null;
        for metric in drawn {
            namespace = if metric[0] == "." || metric[0] == "..." { namespace } else { metric[0].clone() };
            let Some(name) = metric[1].as_str().filter(|_| namespace == "AgUiLambda") else { continue };
            assert!(metrics.has("AgUiLambda", name, &[("service", FUNCTION)]), "{name} is not logged");
        }
    }
    for (metric, dimension) in [("ToolLatency", "tool"), ("Refusals", "code")] {
        let search = format!(
            r#"SEARCH('{{AgUiLambda,service,{dimension}}} MetricName="{metric}" service="{FUNCTION}"'"#
        );
        let text = body.to_string().replace(r#"\""#, r#"""#);
        assert!(text.contains(&search), "{search}");
        let line = log.iter().find(|line| line.get(metric).is_some()).unwrap();
        let value = line[dimension].as_str().unwrap();
        let dimensions = [("service", FUNCTION), (dimension, value)];
        assert!(metrics.has("AgUiLambda", metric, &dimensions), "{metric} by {dimension}");
    }
}
