//! Metrics in log lines: the embedded metric format, and the rules that its schema cannot express.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::lines::log;

/// All allowed dimensions. Each has only few values.
const DIMENSIONS: [&str; 3] = ["service", "code", "tool"];

#[tokio::test]
async fn every_metric_document_fits_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/emf.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let log = log().await;

    let mut metrics = BTreeSet::new();
    for line in log.iter().filter(|line| !line["_aws"].is_null()) {
        let faults: Vec<String> =
            schema.iter_errors(line).map(|fault| format!("{} {fault}", fault.instance_path())).collect();
        assert_eq!(faults, [""; 0], "{line:#}");
        assert!(line.to_string().len() < 4096, "one write to a pipe: {line}");
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], "AgUiLambda");
            let sets: Vec<Vec<&str>> = serde::Deserialize::deserialize(&directive["Dimensions"]).unwrap();
            for name in sets.iter().flatten() {
                assert!(DIMENSIONS.contains(name), "{name}");
                assert!(line[name].as_str().is_some_and(|value| !value.is_empty()), "{name}: {line:#}");
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                assert!(line[name].is_number(), "{name}: {line:#}");
                metrics.extend(sets.iter().map(|set| format!("{name} {}", set.join("+"))));
            }
        }
    }
    let expected = [
        "Duration service",
        "Failures service",
        "Failures service+code",
        "InputTokens service",
        "OutputTokens service",
        "Refusals service",
        "Refusals service+code",
        "Runs service",
        "TimeToFirstEvent service",
        "TimeToFirstToken service",
        "ToolLatency service+tool",
    ];
    assert_eq!(metrics.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn metric_values_equal_the_line_values() {
    let log = log().await;
    for line in log.iter().filter(|line| line["message"] == "run finished") {
        for (metric, key) in [
            ("Duration", "duration_ms"),
            ("TimeToFirstEvent", "time_to_first_event_ms"),
            ("TimeToFirstToken", "time_to_first_token_ms"),
            ("InputTokens", "input_tokens"),
            ("OutputTokens", "output_tokens"),
        ] {
            assert_eq!(line[metric], line[key], "{metric}");
        }
        assert_eq!(line["Failures"], u8::from(line["outcome"] == "error"), "{line}");
    }
}
