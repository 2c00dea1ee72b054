//! Makes metrics of log lines, in CloudWatch's embedded metric format.
//!
//! The line of a run, of a tool call or of a refused request gets a member `_aws`, which names the metrics, and a member for
//! each of them with its value. There are few combinations of dimensions: the service, this crate's own codes, and the names
//! of the server's own tools. A user, an organisation, an id or a text of a client is never a dimension.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::log_events::{REQUEST_REFUSED, RUN_FINISHED, TOOL_RAN};

/// The CloudWatch namespace of all metrics.
const NAMESPACE: &str = "AgUiLambda";

/// The name of a metric, its unit, and the key of the line that has its value.
type Metric = (&'static str, &'static str, &'static str);

/// The metrics of a run; a line may lack some of the values.
const RUN: &[Metric] = &[
    ("Duration", "Milliseconds", "duration_ms"),
    ("TimeToFirstEvent", "Milliseconds", "time_to_first_event_ms"),
    ("TimeToFirstToken", "Milliseconds", "time_to_first_token_ms"),
    ("InputTokens", "Count", "input_tokens"),
    ("OutputTokens", "Count", "output_tokens"),
];

/// Adds the metrics of a run, a tool call or a refused request to its log line, which CloudWatch then reads as
/// metrics too. Any other line stays unchanged.
pub(super) fn add_metrics(line: &mut Map<String, Value>) {
    let directives = match line.get("message").and_then(Value::as_str) {
        Some(RUN_FINISHED) => run_directives(line),
        Some(TOOL_RAN) => {
            let latency = copy_values(line, &[("ToolLatency", "Milliseconds", "duration_ms")]);
            vec![metric_directive(&json!([["service", "tool"]]), latency)]
        }
        Some(REQUEST_REFUSED) => {
            let refusals = vec![add_count(line, "Refusals", true)];
            vec![metric_directive(&json!([["service"], ["service", "code"]]), refusals)]
        }
        _ => return,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    line.insert("_aws".into(), json!({ "Timestamp": now, "CloudWatchMetrics": directives }));
}

/// Adds the values of a run's metrics to its log line, and returns the directives that name them. A failed run is
/// also counted by its code.
fn run_directives(line: &mut Map<String, Value>) -> Vec<Value> {
    let has_failed = line.get("outcome").is_some_and(|outcome| outcome == "error");
    // Also counted as 0, so that a rate can be computed when no run fails.
    let failures = add_count(line, "Failures", has_failed);
    let mut metrics = vec![add_count(line, "Runs", true), failures.clone()];
    metrics.extend(copy_values(line, RUN));
    let mut directives = vec![metric_directive(&json!([["service"]]), metrics)];
    if has_failed {
        directives.push(metric_directive(&json!([["service", "code"]]), vec![failures]));
    }
    directives
}

/// Returns a directive of the embedded metric format: it names `metrics`, and the `dimensions` by which they are
/// counted.
fn metric_directive(dimensions: &Value, metrics: Vec<Value>) -> Value {
    json!({ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics })
}

/// Adds the metric `name` to the line, with the value 1 or 0, and returns its definition for a directive: name and
/// unit.
fn add_count(line: &mut Map<String, Value>, name: &str, is_one: bool) -> Value {
    line.insert(name.into(), u8::from(is_one).into());
    json!({ "Name": name, "Unit": "Count" })
}

/// For each of `metrics` whose value is in the line, copies the value to the key with the name of the metric, where
/// CloudWatch looks for it. Returns the definitions, name and unit, of these metrics only, because a directive must
/// not name a metric without a value.
fn copy_values(line: &mut Map<String, Value>, metrics: &[Metric]) -> Vec<Value> {
    let mut measured = Vec::with_capacity(metrics.len());
    for (name, unit, key) in metrics {
        if let Some(value) = line.get(*key).cloned() {
            line.insert((*name).into(), value);
            measured.push(json!({ "Name": name, "Unit": unit }));
        }
    }
    measured
}
