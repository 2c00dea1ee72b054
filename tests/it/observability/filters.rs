//! Metric filters, dashboard queries and alarm descriptions of the templates, and the queries of the documentation: each one
//! finds a line that the functions really log.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ag_ui_dev::FunctionError;
use serde_json::{Value, json};
use tokio::process::Command;

use super::lines::{JSON, log};
use crate::support::function::{Reply, TOKEN, start, test_function, url_event, user_input};
use crate::support::log::lines;

/// Returns log lines of every kind from the agent's function and the rotation function.
pub(super) async fn all_lines() -> Vec<Value> {
    let mut all = log().await;
    all.extend(failed_rotation().await);
    all.extend(failed_start().await);
    all.extend(failed_budgets().await);
    all
}

/// Returns the log of a run whose budget is in a table that cannot be reached.
pub(super) async fn failed_budgets() -> Vec<Value> {
    let variables = [
        JSON,
        ("AGUI_TABLE", "nowhere"),
        ("AGUI_BUDGET_USER_TOKENS", "1000"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let function = test_function(&variables).await;
    let mut event = url_event(&[("x-agui-token", TOKEN)], &user_input("cost 1000"));
    event["requestContext"]["authorizer"] = json!({"lambda": {"principalId": "ada"}});
    assert_eq!(Reply::send(&function, &event).await.status, 200);
    lines(&function).await
}

/// Returns the log of a rotation that cannot reach Secrets Manager.
pub(super) async fn failed_rotation() -> Vec<Value> {
    let variables = [
        JSON,
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let function = start(env!("CARGO_BIN_EXE_ag-ui-rotate"), &variables).await;
    let event = json!({"Step": "createSecret", "SecretId": "a", "ClientRequestToken": "v"});
    let result = function.invoke(&event).await;
    assert!(matches!(result, Err(FunctionError::Failed(_))), "the step fails");
    lines(&function).await
}

/// Returns the log of a function that cannot start.
pub(super) async fn failed_start() -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
    command.env_clear().envs([JSON]);
    let function = ag_ui_dev::Function::spawn(command).await.unwrap();
    let Err(FunctionError::Exited { log, .. }) = function.ready(Duration::from_secs(20)).await else {
        panic!("the function started without settings")
    };
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test]
async fn every_filter_and_query_matches_a_real_line() {
    let log = all_lines().await;
    let mut seen = 0;
    for file in templates().into_iter().chain([repository().join("docs/observability.md")]) {
        let text = fs::read_to_string(&file).unwrap();
        for filter in metric_filters(&text).chain(queries(&text)).chain(quoted_in_alarms(&text)) {
            let matches = log.iter().any(|line| filter.matches(line));
            assert!(matches, "{}: no line matches {filter:?}", file.display());
            seen += 1;
        }
    }
    assert!(seen >= 7, "the filters are where this test looks: {seen}");
}

#[tokio::test]
async fn every_documented_message_is_logged() {
    let log = all_lines().await;
    let page = fs::read_to_string(repository().join("docs/observability.md")).unwrap();
    // At DEBUG, of a stdout that is full, of a build that aborts, of tables that fail, of a setting that closes tools, of a
    // history that is not signed or too long, of a reader that stands still, and of a mode: these have tests of their own.
    let elsewhere = [
        "tool withheld",
        "log lines were lost",
        "a panic of one tool will end this process",
        "the store of used approvals failed",
        "tools that wait for a person are closed to anonymous callers",
        "results could not be verified",
        "conversation compacted",
        "the client did not read the end of a run in time",
        "users are admitted by their JWT",
    ];
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let messages =
        rows.filter(|(_, rest)| ["ERROR", "WARN", "INFO"].iter().any(|level| rest.starts_with(level)));
    let mut seen = 0;
    for (message, _) in messages.filter(|(message, _)| !elsewhere.contains(message)) {
        assert!(log.iter().any(|line| line["message"] == message), "no line has the message `{message}`");
        seen += 1;
    }
    assert!(seen >= 4, "the messages are where this test looks: {seen}");
}

#[test]
fn pattern_is_read_as_cloudwatch_reads_it() {
    let filter = Filter::of_pattern(r#"'{ ($.message = "run finished") && ($.a.code = "MODEL_*") }'"#);
    let query = Filter::of_query("message = 'run finished' and a.code = 'MODEL_REFUSED'");
    for (line, expected) in [
        (json!({"message": "run finished", "a": {"code": "MODEL_REFUSED"}}), true),
        (json!({"message": "run finished", "a": {"code": "INTERNAL"}}), false),
        (json!({"message": "another", "a": {"code": "MODEL_REFUSED"}}), false),
        (json!({"message": "run finished"}), false),
    ] {
        assert_eq!(filter.matches(&line), expected, "{line}");
        assert_eq!(query.matches(&line), expected, "{line}");
    }
}

/// Returns the folder of the repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the templates of this repository.
fn templates() -> Vec<PathBuf> {
    let deploy = fs::read_dir(repository().join("deploy")).unwrap().map(|entry| entry.unwrap().path());
    let is_template = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
    deploy.filter(is_template).chain([repository().join("template.yaml")]).collect()
}

/// Returns the patterns of a template's metric filters.
fn metric_filters(template: &str) -> impl Iterator<Item = Filter> {
    after_each(template, "FilterPattern:").map(|rest| Filter::of_pattern(rest.lines().next().unwrap()))
}

/// Returns the filters of Logs Insights queries in a dashboard or on a page. The value `...` stands for any value.
fn queries(text: &str) -> impl Iterator<Item = Filter> {
    let filters = after_each(text, "filter ").filter(|rest| rest.contains(" = '"));
    let filters = filters.map(|rest| rest.split(['|', '\n']).next().unwrap());
    filters.filter(|filter| filter.contains(" = '") && !filter.contains("'...'")).map(Filter::of_query)
}

/// Returns the messages that the descriptions of alarms quote.
fn quoted_in_alarms(template: &str) -> impl Iterator<Item = Filter> {
    let descriptions = after_each(template, "AlarmDescription:");
    let descriptions = descriptions.map(|rest| rest.split("Metric").next().unwrap());
    descriptions.flat_map(|text| text.split('"').skip(1).step_by(2)).map(|message| {
        Filter(vec![("/message".into(), message.split_whitespace().collect::<Vec<_>>().join(" "))])
    })
}

/// Returns the rest of the text after each occurrence of `start`.
fn after_each<'a>(text: &'a str, start: &'static str) -> impl Iterator<Item = &'a str> {
    text.match_indices(start).map(move |(at, _)| &text[at + start.len()..])
}

/// The texts that a line must have, each at its JSON Pointer. A `*` at the end of a text stands for anything.
#[derive(Debug)]
pub(super) struct Filter(Vec<(String, String)>);

impl Filter {
    /// Reads a metric filter's pattern, in the one form that the templates use: `{ ($.a = "b") && ($.c = "d*") }`.
    pub(super) fn of_pattern(pattern: &str) -> Self {
        let inner = pattern.split_once('{').unwrap().1.rsplit_once('}').unwrap().0;
        assert!(!inner.contains("||"), "this test reads no other form: {pattern}");
        let term = |term: &str| {
            let (path, value) = term.trim_matches([' ', '(', ')']).split_once('=').unwrap();
            (pointer(path.trim().strip_prefix("$.").unwrap()), value.trim().trim_matches('"').to_owned())
        };
        Self(inner.split("&&").map(term).collect())
    }

    /// Reads the filter of a query, in the one form that is used: `a = 'b' and c = 'd'`.
    fn of_query(query: &str) -> Self {
        let term = |term: &str| {
            let (key, value) = term.split_once('=').unwrap();
            (pointer(key.trim()), value.trim().trim_matches('\'').to_owned())
        };
        Self(query.split(" and ").map(term).collect())
    }

    /// Whether a line has all texts.
    pub(super) fn matches(&self, line: &Value) -> bool {
        self.0.iter().all(|(pointer, value)| {
            let found = line.pointer(pointer).and_then(Value::as_str);
            found.is_some_and(|found| match value.strip_suffix('*') {
                Some(start) => found.starts_with(start),
                None => found == value,
            })
        })
    }
}

/// Converts a path with dots to a JSON Pointer.
fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}
