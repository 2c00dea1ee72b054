//! Log lines, metrics and traces: what an operator sees of the function.
//!
//! Log lines go to stdout, where Lambda collects them: as JSON objects that Lambda and CloudWatch read (`json_lines`), or as
//! text for people. Some lines are metrics as well (`metrics`). Traces go to an OpenTelemetry collector (`otel`).

mod json_lines;
mod metrics;
#[cfg(feature = "otel")]
pub(super) mod otel;
mod stdout;

use lambda_runtime::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_runtime::tracing::subscriber::layer::{Layer as _, SubscriberExt as _};
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt as _;
use lambda_runtime::tracing::subscriber::{fmt, registry};

use crate::agent::SPAN_TARGET;
use crate::config::LogSettings;
#[cfg(feature = "otel")]
use crate::error_chain::error_chain;
use crate::log_events::LINES_LOST;
use json_lines::JsonLines;
use stdout::Stdout;

/// Sets up log lines and traces for this process. Only the first call has an effect. An unknown log level counts as
/// INFO, and a warning is logged.
///
/// Other crates log nothing finer than INFO, whatever the level is: at TRACE the runtime logs complete events, tokens
/// included.
pub(super) fn init(settings: &LogSettings) {
    let level = parse_level(&settings.level);
    let crate_level = level.unwrap_or(LevelFilter::INFO);
    let filter = Targets::new()
        .with_default(crate_level.min(LevelFilter::INFO))
        .with_target(env!("CARGO_CRATE_NAME"), crate_level)
        .with_target(SPAN_TARGET, LevelFilter::OFF)
        // The runtime's span has the same ids as this crate's own, under other names.
        .with_target("lambda_runtime::layers", LevelFilter::WARN);
    let lines = match settings.is_json {
        true => JsonLines::new(&settings.service).boxed(),
        false => {
            let lost_lines = |lost| format!(" WARN {LINES_LOST} lines={lost}\n");
            let layer = fmt::layer().with_target(false).without_time();
            layer.with_writer(move || Stdout { lost_lines }).boxed()
        }
    };
    let subscriber = registry().with(lines.with_filter(filter));
    #[cfg(not(feature = "otel"))]
    let _already_set = subscriber.try_init();
    #[cfg(feature = "otel")]
    {
        let spans = settings.has_collector.then(|| otel::build_layer(&settings.service)).transpose();
        let (spans, error) = spans.map_or_else(|error| (None, Some(error)), |spans| (spans, None));
        let _already_set = subscriber.with(spans).try_init();
        if let Some(error) = error {
            tracing::error!(cause = error_chain(error.as_ref()), "spans are not sent");
        }
    }
    if level.is_none() {
        tracing::warn!(log_level = settings.level, "the log level is unknown; INFO is used");
    }
}

/// Parses a log level by the name that Lambda or Rust has for it; Lambda's FATAL is Rust's ERROR. `None` for an
/// unknown name.
fn parse_level(level: &str) -> Option<LevelFilter> {
    if level.eq_ignore_ascii_case("FATAL") { Some(LevelFilter::ERROR) } else { level.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_is_read_by_lambdas_and_rusts_names() {
        for (level, expected) in [
            ("INFO", Some(LevelFilter::INFO)),
            ("debug", Some(LevelFilter::DEBUG)),
            ("FATAL", Some(LevelFilter::ERROR)),
            ("ag_ui_lambda=debug", None),
            ("loud", None),
        ] {
            assert_eq!(parse_level(level), expected, "{level}");
        }
    }
}
