//! What CloudWatch makes of log lines and invocations: metrics, and the alarms of a template that they raise.

use std::collections::BTreeMap;

use serde_json::Value;

use super::filters::Filter;
use super::metric_math::evaluate;
use crate::support::cloudformation::Stack;

/// A metric: its namespace, its name, and its dimensions with their values.
type Series = (String, String, BTreeMap<String, String>);

/// The values of all metrics within the period of an alarm.
#[derive(Default)]
pub(super) struct Metrics {
    series: BTreeMap<Series, Vec<f64>>,
}

impl Metrics {
    /// Adds a value of a metric.
    pub(super) fn add(&mut self, namespace: &str, name: &str, dimensions: &[(&str, &str)], value: f64) {
        self.series.entry(series(namespace, name, dimensions)).or_default().push(value);
    }

    /// Adds what Lambda itself measures of a request to a function.
    pub(super) fn add_invocation(&mut self, function: &str, has_failed: bool) {
        let of = [("FunctionName", function)];
        self.add("AWS/Lambda", "Invocations", &of, 1.0);
        self.add("AWS/Lambda", "Errors", &of, f64::from(u8::from(has_failed)));
        self.add("AWS/Lambda", "Throttles", &of, 0.0);
    }

    /// Adds the metrics in the log lines of a function: those that a line names itself, in the embedded metric format, and
    /// those of the filters of a stack on this log group.
    pub(super) fn add_log(&mut self, lines: &[Value], log_group: &str, stack: &Stack) {
        for line in lines {
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
                let namespace = text(&directive["Namespace"]);
                for (set, metric) in pairs(&directive["Dimensions"], &directive["Metrics"]) {
                    let dimensions: Vec<(&str, &str)> =
                        items(set).iter().map(|name| (text(name), text(&line[text(name)]))).collect();
                    let name = text(&metric["Name"]);
                    self.add(namespace, name, &dimensions, line[name].as_f64().unwrap());
                }
            }
        }
        for filter in stack.all("AWS::Logs::MetricFilter").into_iter().map(|name| stack.properties(name)) {
            assert_eq!(text(&filter["LogGroupName"]), log_group, "{filter}");
            let pattern = Filter::of_pattern(text(&filter["FilterPattern"]));
            for line in lines {
                for metric in items(&filter["MetricTransformations"]) {
                    let value =
                        if pattern.matches(line) { &metric["MetricValue"] } else { &metric["DefaultValue"] };
                    self.add(
                        text(&metric["MetricNamespace"]),
                        text(&metric["MetricName"]),
                        &[],
                        number(value),
                    );
                }
            }
        }
    }

    /// Whether a metric has a value.
    pub(super) fn has(&self, namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> bool {
        self.series.contains_key(&series(namespace, name, dimensions))
    }

    /// Returns a statistic of the metric that `of` names. `None` if it has no value.
    fn statistic(&self, of: &Value, statistic: &str) -> Option<f64> {
        let dimensions = of["Dimensions"].as_array().into_iter().flatten();
        let dimensions: Vec<_> = dimensions.map(|of| (text(&of["Name"]), text(&of["Value"]))).collect();
        let series = series(text(&of["Namespace"]), text(&of["MetricName"]), &dimensions);
        let mut values = self.series.get(&series)?.clone();
        values.sort_by(f64::total_cmp);
        Some(match statistic {
            "Sum" => values.iter().sum(),
            "p99" => values[(values.len() * 99).div_ceil(100) - 1],
            other => panic!("this test knows no {other}"),
        })
    }
}

/// Returns the metric with this name and these dimensions. With other dimensions it is another metric.
fn series(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Series {
    let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (namespace.to_owned(), name.to_owned(), dimensions.collect())
}

/// Returns the names of the alarms of a stack that these metrics raise, if they are the same in each of an alarm's periods.
pub(super) fn raised<'a>(stack: &'a Stack, metrics: &Metrics) -> Vec<&'a str> {
    let alarms = stack.all("AWS::CloudWatch::Alarm").into_iter();
    alarms.filter(|name| is_raised(stack.properties(name), metrics)).collect()
}

/// Whether these metrics raise an alarm.
fn is_raised(alarm: &Value, metrics: &Metrics) -> bool {
    let value = match alarm["Metrics"].as_array() {
        None => metrics.statistic(alarm, text(&alarm["Statistic"])),
        Some(parts) => {
            let (expressions, plain): (Vec<_>, Vec<_>) =
                parts.iter().partition(|part| part.get("Expression").is_some());
            let value = |part: &&Value| {
                let of = &part["MetricStat"];
                (text(&part["Id"]).to_owned(), metrics.statistic(&of["Metric"], text(&of["Stat"])))
            };
            let values = plain.iter().map(value).collect();
            let [expression] = expressions[..] else { panic!("this test reads one expression: {alarm}") };
            assert_eq!(expression["ReturnData"], true, "{alarm}");
            evaluate(text(&expression["Expression"]), &values)
        }
    };
    assert_eq!(
        alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold",
        "this test knows no other: {alarm}"
    );
    assert_eq!(alarm["TreatMissingData"], "notBreaching", "this test knows no other: {alarm}");
    value.is_some_and(|value| value >= number(&alarm["Threshold"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// Returns a number, which a template may write as a text.
fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("no number: {value}"))
}

/// Returns each item of the first list with each item of the second one.
fn pairs<'a>(first: &'a Value, second: &'a Value) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    items(first).iter().flat_map(|one| items(second).iter().map(move |other| (one, other)))
}
