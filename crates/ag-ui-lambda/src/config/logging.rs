//! Log lines and traces: what Lambda, Powertools and OpenTelemetry set, under their own names.

#[cfg(feature = "otel")]
use super::vars::Variables;
use super::vars::environment;

/// Settings of log lines, metrics and traces. They have no `AGUI_` variables: Lambda and OpenTelemetry have names for them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogSettings {
    /// The lowest level of this crate's lines that is logged, such as `INFO`. From `AWS_LAMBDA_LOG_LEVEL`, or else
    /// `RUST_LOG`; `INFO` by default.
    pub level: String,
    /// Whether each line is a JSON object, as metrics need it; otherwise it is text for people. From
    /// `AWS_LAMBDA_LOG_FORMAT`, which is `JSON` or `Text`; text by default.
    pub is_json: bool,
    /// The name under which lines, metrics and traces are reported. From `POWERTOOLS_SERVICE_NAME`, or else the name of
    /// the function.
    pub service: String,
    /// Whether traces are sent: OpenTelemetry's variables name a collector and do not turn traces off.
    #[cfg(feature = "otel")]
    pub has_collector: bool,
}

impl LogSettings {
    /// Reads the settings from the environment. It cannot fail: an unknown level is only found when the log is set
    /// up, and is reported there.
    pub fn from_env() -> Self {
        let variables = environment();
        let level = variables.text("AWS_LAMBDA_LOG_LEVEL").or_else(|| variables.text("RUST_LOG"));
        let format = variables.text("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
        let service = variables.text("POWERTOOLS_SERVICE_NAME");
        Self {
            level: level.unwrap_or_else(|| "INFO".into()),
            is_json: format.eq_ignore_ascii_case("json"),
            service: service
                .or_else(|| variables.text("AWS_LAMBDA_FUNCTION_NAME"))
                .unwrap_or_else(|| env!("CARGO_PKG_NAME").into()),
            #[cfg(feature = "otel")]
            has_collector: has_collector(&variables),
        }
    }
}

/// Whether OpenTelemetry's variables name a collector and do not switch traces off. The collector on this machine,
/// which is OpenTelemetry's default, is not used without its variable.
#[cfg(feature = "otel")]
fn has_collector<F: Fn(&str) -> Option<String>>(variables: &Variables<F>) -> bool {
    let is =
        |variable, word: &str| variables.text(variable).is_some_and(|text| text.eq_ignore_ascii_case(word));
    let is_off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
    let addresses = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    !is_off && addresses.iter().any(|variable| variables.text(variable).is_some())
}
