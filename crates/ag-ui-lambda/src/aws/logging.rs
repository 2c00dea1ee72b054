//! Log lines to stdout, where Lambda collects them: JSON as Lambda and CloudWatch read it, or text for people.

mod lines;
mod metrics;
mod output;

use lambda_runtime::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_runtime::tracing::subscriber::layer::{Layer as _, SubscriberExt as _};
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt as _;
use lambda_runtime::tracing::subscriber::{fmt, registry};

use crate::agent::SPANS;
#[cfg(feature = "otel")]
use crate::causes::causes;
use crate::config::LogSettings;
use lines::Lines;
use output::Output;

/// Sets up logging once.
///
/// Other crates log no finer than INFO, whatever the level: at TRACE the runtime logs whole events, tokens
/// included.
pub(super) fn init(settings: &LogSettings) {
    // Lambda's FATAL is beyond what this crate logs; its worst are errors.
    let level = if settings.level.eq_ignore_ascii_case("FATAL") { "ERROR" } else { &settings.level };
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_target(SPANS, LevelFilter::OFF)
        // Its span says what the span of this crate's own says, under other names.
        .with_target("lambda_runtime::layers", LevelFilter::WARN);
    let lines = match settings.is_json {
        true => Lines::new(&settings.service).boxed(),
        false => fmt::layer().with_target(false).without_time().with_writer(|| Output).boxed(),
    };
    let subscriber = registry().with(lines.with_filter(filter));
    // A second call, in a test, keeps the first subscriber.
    #[cfg(not(feature = "otel"))]
    let _already_set = subscriber.try_init();
    #[cfg(feature = "otel")]
    {
        let spans = settings.has_collector.then(|| super::otel::layer(&settings.service)).transpose();
        let (spans, fault) = spans.map_or_else(|fault| (None, Some(fault)), |spans| (spans, None));
        let _already_set = subscriber.with(spans).try_init();
        if let Some(fault) = fault {
            tracing::error!(cause = causes(fault.as_ref()), "spans are not sent");
        }
    }
}
