//! Lines of the log: what stands in them, that their schema holds, and that the template's alarms find them.

use std::fs::{self, File};
use std::future::pending;
use std::path::Path;
use std::sync::Arc;

use ag_ui_dev::provider::{Provider, Reply as Told, Say, Usage, Wire};
use ag_ui_lambda::Agent;
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::protocol::RunAgentInput;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, says, test_function, url_event};
use crate::support::log::{lines, told};
use crate::support::provider::variables;

const JSON: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");
const KEY: (&str, &str) = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");

/// A run of the caller who may refund.
fn run(text: &str) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], &says(text));
    event["requestContext"]["authorizer"] =
        json!({"lambda": {"principalId": "ada-lovelace", "scope": "refunds:write"}});
    event
}

/// The log of runs with every outcome, of tools and of refusals.
pub(super) async fn log() -> Vec<Value> {
    let function = local_function(&[JSON, KEY]).await;
    for (text, last) in [
        ("Good morning to you", "RUN_FINISHED"),
        ("What is the weather in Tokyo and Paris?", "RUN_FINISHED"),
        ("refund order 1234 for 20", "RUN_FINISHED"),
        ("please fail", "RUN_ERROR"),
    ] {
        let reply = Reply::to(&function, &run(text)).await;
        assert_eq!(reply.events.last().unwrap()["type"], last, "{text}");
    }
    refusals(&function).await;
    let mut log = lines(&function).await;

    let limited = local_function(&[JSON, ("AGUI_MAX_TURNS", "1")]).await;
    Reply::to(&limited, &run("What is the weather in Oslo?")).await;
    log.extend(lines(&limited).await);

    let tools = test_function(&[JSON]).await;
    for tool in ["explode", "leak"] {
        Reply::to(&tools, &run(&format!("call {tool}"))).await;
    }
    log.extend(lines(&tools).await);
    log.extend(counted().await);
    log
}

/// The log of a run whose model counts tokens.
async fn counted() -> Vec<Value> {
    let provider = Provider::start().await.unwrap();
    let variables = variables(Wire::OpenAiChat, &provider.url());
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).chain([JSON]).collect();
    let function = local_function(&variables).await;
    let used = Usage { input: 100, output: 20, cached_read: 40, ..Usage::default() };
    provider.reply([Told::stream(Wire::OpenAiChat, &[Say::text("Fine."), Say::Usage(used)])]);
    Reply::to(&function, &run("Good morning to you")).await;
    lines(&function).await
}

async fn refusals(function: &Function) {
    let with = |path: &str, value: Value| {
        let mut event = run("Good morning to you");
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
        assert_eq!(Reply::to(function, &event).await.status, status);
    }
}

#[tokio::test]
async fn every_line_of_a_run_a_tool_and_a_refusal_fits_its_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/log-lines.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let log = log().await;

    let mut counts = Vec::new();
    for message in ["run finished", "tool ran", "request refused"] {
        let lines = told(&log, message);
        for line in &lines {
            let faults: Vec<String> =
                schema.iter_errors(line).map(|fault| format!("{} {fault}", fault.instance_path())).collect();
            assert_eq!(faults, [""; 0], "{line:#}");
        }
        counts.push(lines.len());
    }
    assert_eq!(counts, [8, 5, 5], "all were seen");
    for line in &log {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "Lambda reads both: {line}");
    }

    let mut spoilt = told(&log, "run finished")[0].clone();
    spoilt["text"] = "what the user said".into();
    assert!(!schema.is_valid(&spoilt), "the schema refuses what it does not know");
}

#[tokio::test]
async fn a_run_has_one_line_and_it_says_how_it_ended_and_what_it_used() {
    let log = log().await;

    let endings: Vec<Value> = told(&log, "run finished")
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
            json!(["success", null, null, 1, 0]),
        ]
    );
    let first = told(&log, "run finished")[0];
    assert_eq!((&first["thread_id"], &first["run_id"]), (&json!("t"), &json!("r")));
    assert_eq!((&first["models"], &first["service"]), (&json!("scripted/demo"), &json!("ag-ui-dev")));
    assert!(first["time_to_first_event_ms"].as_f64() <= first["duration_ms"].as_f64(), "{first}");
    let last = told(&log, "run finished").pop().unwrap();
    let tokens = ["input_tokens", "output_tokens", "cached_input_tokens"].map(|key| &last[key]);
    assert_eq!(tokens, [100, 20, 40]);
    let tools: Vec<&Value> = told(&log, "tool ran").iter().map(|line| &line["tool"]).collect();
    assert_eq!(tools, ["get_weather", "get_weather", "get_weather", "explode", "leak"]);
    let starts: Vec<&Value> = told(&log, "run finished").iter().map(|line| &line["cold_start"]).collect();
    assert_eq!(starts, [true, false, false, false, true, true, false, true], "the first of each process");
}

#[tokio::test]
async fn what_a_client_sent_as_an_id_is_cut() {
    let function = local_function(&[JSON]).await;
    let mut input = says("Good morning to you");
    input["threadId"] = "é".repeat(500).into();
    Reply::to(&function, &url_event(&[("x-agui-token", TOKEN)], &input)).await;

    let log = lines(&function).await;
    assert_eq!(told(&log, "run finished")[0]["thread_id"], "é".repeat(64));
}

#[tokio::test]
async fn given_a_reader_that_goes_when_its_run_is_dropped_then_there_is_a_line_all_the_same() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gone.log");
    let log = Arc::new(File::create(&path).unwrap());
    let subscriber = lambda_runtime::tracing::subscriber::fmt().with_ansi(false).with_writer(log).finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let waits = Scripted::new(|_| Script::new().text("I wait").wait_for(pending()));
    let agent = Agent::<()>::builder(waits).build().unwrap();
    let input = RunAgentInput::read(says("Good morning to you")).unwrap().input;

    let mut run = agent.run((), None, input, None).await.unwrap();
    run.next().await.unwrap();
    drop(run);

    let log = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("run finished")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    assert!(line.contains(r#"outcome="cancelled" reason="CLIENT_GONE""#), "{line}");
}

#[tokio::test]
async fn given_text_lines_then_there_is_no_metric_in_them() {
    let function = local_function(&[]).await;
    Reply::to(&function, &run("Good morning to you")).await;
    function.kill().await;

    let log = function.logs().join("\n");
    assert!(log.contains("run finished") && log.contains("duration_ms"), "{log}");
    assert!(!log.contains("_aws") && !log.contains("TimeToFirstEvent"), "{log}");
}

#[tokio::test]
async fn the_templates_filters_count_the_lines_of_runs_and_of_failed_runs() {
    let log = log().await;
    let outcomes = |name| {
        let filter = Filter::of_the_template(name);
        let counted = log.iter().filter(|line| filter.matches(line));
        counted.map(|line| line["outcome"].as_str().unwrap()).collect::<Vec<_>>()
    };

    assert_eq!(outcomes("FailedRuns"), ["error"]);
    let all = ["success", "success", "interrupt", "error", "cancelled", "success", "success", "success"];
    assert_eq!(outcomes("FinishedRuns"), all);
}

/// A metric filter's pattern, of the one form that the template uses: `{ ($.a = "b") && ($.c = "d*") }`.
struct Filter(Vec<(String, String)>);

impl Filter {
    fn of_the_template(resource: &str) -> Self {
        let template =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml")).unwrap();
        let (_, resource) = template.split_once(&format!("\n  {resource}:\n")).unwrap();
        let (_, pattern) = resource.split_once("FilterPattern:").unwrap();
        let (pattern, _) = pattern.split_once("MetricTransformations:").unwrap();
        Self::parse(pattern)
    }

    fn parse(pattern: &str) -> Self {
        let inner = pattern.split_once('{').unwrap().1.rsplit_once('}').unwrap().0;
        assert!(!inner.contains("||"), "this test reads no other form: {pattern}");
        let term = |term: &str| {
            let (path, value) = term.trim_matches([' ', '(', ')', '\n']).split_once('=').unwrap();
            let path = path.trim().strip_prefix("$.").unwrap().replace('.', "/");
            (format!("/{path}"), value.trim().trim_matches('"').to_owned())
        };
        Self(inner.split("&&").map(term).collect())
    }

    fn matches(&self, line: &Value) -> bool {
        self.0.iter().all(|(path, value)| {
            let found = line.pointer(path).and_then(Value::as_str);
            found.is_some_and(|found| match value.strip_suffix('*') {
                Some(start) => found.starts_with(start),
                None => found == value,
            })
        })
    }
}

#[test]
fn a_pattern_is_read_as_cloudwatch_reads_it() {
    let filter = Filter::parse(r#"'{ ($.message = "run finished") && ($.a.code = "MODEL_*") }'"#);
    for (line, expected) in [
        (json!({"message": "run finished", "a": {"code": "MODEL_REFUSED"}}), true),
        (json!({"message": "run finished", "a": {"code": "INTERNAL"}}), false),
        (json!({"message": "another", "a": {"code": "MODEL_REFUSED"}}), false),
        (json!({"message": "run finished"}), false),
    ] {
        assert_eq!(filter.matches(&line), expected, "{line}");
    }
}
