//! Log lines: their members, their schema, and that the template's alarms match them.

use std::fs::{self, File};
use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use ag_ui_dev::provider::{Provider, Reply as ModelReply, TurnPart, Usage, Wire};
use ag_ui_lambda::Agent;
use ag_ui_lambda::agent::RunRequest;
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::protocol::RunAgentInput;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::function::{
    Function, Reply, TOKEN, dojo_function, local_function, test_function, url_event, user_input,
};
use crate::support::log::{lines, with_message};
use crate::support::provider::variables;

pub(super) const JSON: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");
const KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");

/// Returns the event of a run for a caller who may refund.
fn refund_run_event(text: &str) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], &user_input(text));
    event["requestContext"]["authorizer"] =
        json!({"lambda": {"principalId": "ada-lovelace", "permissions": "refunds:write"}});
    event
}

/// Returns the log of runs with every outcome, of tool calls and of refusals.
pub(super) async fn log() -> Vec<Value> {
    let function = local_function(&[JSON, KEY]).await;
    for (text, last) in [
        ("Good morning to you", "RUN_FINISHED"),
        ("What is the weather in Tokyo and Paris?", "RUN_FINISHED"),
        ("refund order 1234 for 20", "RUN_FINISHED"),
        ("please fail", "RUN_ERROR"),
    ] {
        let reply = Reply::send(&function, &refund_run_event(text)).await;
        assert_eq!(reply.events.last().unwrap()["type"], last, "{text}");
    }
    refusals(&function).await;
    let mut log = lines(&function).await;

    let limited = local_function(&[JSON, ("AGUI_MAX_TURNS", "1")]).await;
    Reply::send(&limited, &refund_run_event("What is the weather in Oslo?")).await;
    log.extend(lines(&limited).await);

    let tools = test_function(&[JSON]).await;
    for tool in ["explode", "leak", "regret"] {
        Reply::send(&tools, &refund_run_event(&format!("call {tool}"))).await;
    }
    log.extend(lines(&tools).await);
    log.extend(log_with_usage().await);
    log
}

/// Returns the log of a run whose model reports token usage.
async fn log_with_usage() -> Vec<Value> {
    let provider = Provider::start().await.unwrap();
    let variables = variables(Wire::OpenAiChat, &provider.url());
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).chain([JSON]).collect();
    let function = local_function(&variables).await;
    let used = Usage { input: 100, output: 20, cached_read: 40, ..Usage::default() };
    provider.queue([ModelReply::stream(Wire::OpenAiChat, &[TurnPart::text("Fine."), TurnPart::Usage(used)])]);
    Reply::send(&function, &refund_run_event("Good morning to you")).await;
    lines(&function).await
}

/// Sends requests that are refused in different ways.
async fn refusals(function: &Function) {
    let with = |path: &str, value: Value| {
        let mut event = refund_run_event("Good morning to you");
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    for (event, status) in [
        (with("/headers/x-agui-token", json!("not-the-shared-token")), 401),
        (with("/rawPath", json!("/elsewhere")), 404),
        (with("/requestContext/http/method", json!("PUT")), 405),
        (with("/headers/content-type", json!("text/plain")), 415),
        (with("/body", json!("{\"messages\":")), 400),
    ] {
        assert_eq!(Reply::send(function, &event).await.status, status);
    }
}

#[tokio::test]
async fn every_line_fits_its_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/log-lines.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let log = log().await;

    let mut counts = Vec::new();
    for message in ["run finished", "tool ran", "request refused"] {
        let lines = with_message(&log, message);
        for line in &lines {
            let faults: Vec<String> =
                schema.iter_errors(line).map(|fault| format!("{} {fault}", fault.instance_path())).collect();
            assert_eq!(faults, [""; 0], "{line:#}");
        }
        counts.push(lines.len());
    }
    assert_eq!(counts, [9, 6, 5], "all were seen");
    for line in &log {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "Lambda reads both: {line}");
    }

    let mut spoilt = with_message(&log, "run finished")[0].clone();
    spoilt["text"] = "what the user said".into();
    assert!(!schema.is_valid(&spoilt), "the schema refuses what it does not know");
}

#[tokio::test]
async fn run_finished_line_has_outcome_and_usage() {
    let log = log().await;

    let endings: Vec<Value> = with_message(&log, "run finished")
        .iter()
        .map(|line| json!([line["outcome"], line["reason"], line["code"], line["turns"], line["tool_calls"]]))
        .collect();
    assert_eq!(
        endings,
        [
            json!(["success", null, null, 1, 0]),
            json!(["success", null, null, 2, 2]),
            json!(["interrupt", null, null, 1, 1]),
            json!(["error", null, "MODEL_UNAVAILABLE", 1, 0]),
            json!(["cancelled", "MAX_TURNS", null, 1, 1]),
            json!(["success", null, null, 2, 1]),
            json!(["success", null, null, 2, 1]),
            json!(["success", null, null, 2, 1]),
            json!(["success", null, null, 1, 0]),
        ]
    );
    let first = with_message(&log, "run finished")[0];
    assert_eq!((&first["thread_id"], &first["run_id"]), (&json!("t"), &json!("r")));
    assert_eq!((&first["models"], &first["service"]), (&json!("scripted/demo"), &json!("ag-ui-dev")));
    assert!(first["time_to_first_event_ms"].as_f64() <= first["duration_ms"].as_f64(), "{first}");
    let last = with_message(&log, "run finished").pop().unwrap();
    let tokens = ["input_tokens", "output_tokens", "cached_input_tokens"].map(|key| &last[key]);
    assert_eq!(tokens, [100, 20, 40]);
    let tools: Vec<&Value> = with_message(&log, "tool ran").iter().map(|line| &line["tool"]).collect();
    assert_eq!(tools, ["get_weather", "get_weather", "get_weather", "explode", "leak", "regret"]);
    let starts: Vec<&Value> =
        with_message(&log, "run finished").iter().map(|line| &line["cold_start"]).collect();
    assert_eq!(
        starts,
        [true, false, false, false, true, true, false, false, true],
        "the first of each process"
    );
}

#[tokio::test]
async fn start_names_the_tools_of_anonymous_callers() {
    for (auth, status, tools) in [("token", 200, "get_account get_weather"), ("authorizer", 401, "")] {
        let function = local_function(&[JSON, ("AGUI_AUTH", auth)]).await;
        let event = url_event(&[("x-agui-token", TOKEN)], &user_input("Good morning to you"));
        assert_eq!(Reply::send(&function, &event).await.status, status, "{auth}");

        let log = lines(&function).await;
        let [line] = with_message(&log, "tools for anonymous callers")[..] else {
            panic!("{auth}: {log:#?}")
        };
        assert_eq!((&line["level"], &line["tools"]), (&json!("INFO"), &json!(tools)), "{auth}");
    }
}

#[tokio::test]
async fn start_names_the_tools_that_are_closed_to_anonymous_callers() {
    for (is_open, has_line) in [("1", false), ("0", true)] {
        let function = dojo_function(&[JSON, ("AGUI_ANONYMOUS_APPROVALS", is_open)]).await;
        let event = url_event(&[("x-agui-token", TOKEN)], &user_input("Please schedule a meeting about 2.0"));
        let reply = Reply::send(&function, &event).await;
        assert_eq!(reply.text.contains("TOOL_CALL_START"), !has_line, "{}", reply.text);

        let log = lines(&function).await;
        let closed = with_message(&log, "tools that wait for a person are closed to anonymous callers");
        let closed: Vec<&Value> = closed.iter().map(|line| &line["tools"]).collect();
        assert_eq!(closed.len(), usize::from(has_line), "{is_open}: {log:#?}");
        assert!(
            closed.iter().all(|tools| tools.as_str().unwrap().contains("schedule_meeting")),
            "{closed:?}"
        );
    }
}

#[tokio::test]
async fn long_client_ids_are_truncated() {
    let function = local_function(&[JSON]).await;
    let mut input = user_input("Good morning to you");
    input["threadId"] = "é".repeat(500).into();
    Reply::send(&function, &url_event(&[("x-agui-token", TOKEN)], &input)).await;

    let log = lines(&function).await;
    assert_eq!(with_message(&log, "run finished")[0]["thread_id"], "é".repeat(64));
}

#[tokio::test]
async fn dropped_run_still_logs_its_line() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gone.log");
    let log = Arc::new(File::create(&path).unwrap());
    let subscriber = lambda_runtime::tracing::subscriber::fmt().with_ansi(false).with_writer(log).finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let waits = Scripted::new(|_| Script::new().text("I wait").wait_for(pending()));
    let agent = Agent::<()>::builder(waits).build().unwrap();
    let input = RunAgentInput::read(user_input("Good morning to you")).unwrap().input;

    let mut run = agent.run(RunRequest::new((), input)).await.unwrap();
    run.next().await.unwrap();
    drop(run);

    let log = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("run finished")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    assert!(line.contains(r#"outcome="cancelled" reason="CLIENT_GONE""#), "{line}");
}

#[tokio::test]
async fn text_format_has_no_metrics() {
    let function = local_function(&[]).await;
    Reply::send(&function, &refund_run_event("Good morning to you")).await;
    function.kill().await;

    let log = function.logs().join("\n");
    assert!(log.contains("run finished") && log.contains("duration_ms"), "{log}");
    assert!(!log.contains("_aws") && !log.contains("TimeToFirstEvent"), "{log}");
}
