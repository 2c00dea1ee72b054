//! What is measured, and the form in which CloudWatch takes it out of log lines: its embedded metric format.
//!
//! A line that tells of a run, of a tool's call or of a refusal gets a member `_aws` and the values that it names. The
//! dimensions are few by nature: the service, this crate's own codes, the names of the server's own tools. No user,
//! organisation, id or text of a client is ever one.
//!
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

const NAMESPACE: &str = "AgUiLambda";

/// Metric, its unit, and the key of the line that has its value.
type Metric = (&'static str, &'static str, &'static str);

/// What a run's line measures, as far as it has the values.
const RUN: &[Metric] = &[
    ("Duration", "Milliseconds", "duration_ms"),
    ("TimeToFirstEvent", "Milliseconds", "time_to_first_event_ms"),
    ("TimeToFirstToken", "Milliseconds", "time_to_first_token_ms"),
    ("InputTokens", "Count", "input_tokens"),
    ("OutputTokens", "Count", "output_tokens"),
];

/// Makes a measured line a metric document; leaves any other line as it is.
pub(super) fn measure(line: &mut Map<String, Value>) {
    let directives = match line.get("message").and_then(Value::as_str) {
        Some("run finished") => run(line),
        Some("tool ran") => {
            let latency = copy(line, &[("ToolLatency", "Milliseconds", "duration_ms")]);
            vec![directive(&json!([["service", "tool"]]), latency)]
        }
        Some("request refused") => {
            let refusals = vec![count(line, "Refusals", true)];
            vec![directive(&json!([["service"], ["service", "code"]]), refusals)]
        }
        _ => return,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    line.insert("_aws".into(), json!({ "Timestamp": now, "CloudWatchMetrics": directives }));
}

fn run(line: &mut Map<String, Value>) -> Vec<Value> {
    let has_failed = line.get("outcome").is_some_and(|outcome| outcome == "error");
    // Counted as 0, too, so that there is always something to divide.
    let failures = count(line, "Failures", has_failed);
    let mut metrics = vec![count(line, "Runs", true), failures.clone()];
    metrics.extend(copy(line, RUN));
    let mut directives = vec![directive(&json!([["service"]]), metrics)];
    if has_failed {
        directives.push(directive(&json!([["service", "code"]]), vec![failures]));
    }
    directives
}

fn directive(dimensions: &Value, metrics: Vec<Value>) -> Value {
    json!({ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics })
}

fn count(line: &mut Map<String, Value>, name: &str, is_one: bool) -> Value {
    line.insert(name.into(), u8::from(is_one).into());
    json!({ "Name": name, "Unit": "Count" })
}

/// Puts the values under their metrics' names. A metric without a value must not be named.
fn copy(line: &mut Map<String, Value>, metrics: &[Metric]) -> Vec<Value> {
    let mut measured = Vec::with_capacity(metrics.len());
    for (name, unit, key) in metrics {
        if let Some(value) = line.get(*key).cloned() {
            line.insert((*name).into(), value);
            measured.push(json!({ "Name": name, "Unit": unit }));
        }
    }
    measured
}
