//! Log lines to stdout, where Lambda collects them.

use lambda_http::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_http::tracing::subscriber::layer::SubscriberExt as _;
use lambda_http::tracing::subscriber::util::SubscriberInitExt as _;
use lambda_http::tracing::subscriber::{fmt, registry};

use crate::config::LogSettings;

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
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = fmt::layer().with_target(false).without_time();
    // A second call, in a test, keeps the first subscriber.
    let _already_set = if settings.is_json {
        registry().with(filter).with(lines.json()).try_init()
    } else {
        registry().with(filter).with(lines).try_init()
    };
}
