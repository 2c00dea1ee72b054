//! Writes log lines as JSON: one flat object a line, whose keys Logs Insights and metric filters name as they are.
//!
//! Lambda reads `level` and `timestamp`; without a timestamp it takes every line for one of level INFO. A line has the
//! fields of the event and of all spans around it; the event's own win. Lines of some events are metrics as well:
//! [`metrics`](super::metrics) adds them.

use std::fmt::Debug;
use std::io::Write as _;

use lambda_runtime::tracing::subscriber::Layer;
use lambda_runtime::tracing::subscriber::fmt::format::Writer;
use lambda_runtime::tracing::subscriber::fmt::time::{FormatTime as _, SystemTime};
use lambda_runtime::tracing::subscriber::layer::Context;
use lambda_runtime::tracing::subscriber::registry::LookupSpan;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};

use super::metrics;
use super::stdout::Stdout;
use crate::log_events::LINES_LOST;

/// The longest text of a field, in bytes, which a chain of causes rarely has. Longer texts are cut.
const MAX_TEXT_BYTES: usize = 2048;

/// A layer that writes each event as a line of JSON.
pub(super) struct JsonLines {
    /// What the lines are of: a field of each line, and a dimension of each metric.
    service: String,
}

/// The fields of a span or an event, by name. A span keeps its own until it ends.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl JsonLines {
    /// A layer whose lines have this service.
    pub(super) fn new(service: &str) -> Self {
        Self { service: service.to_owned() }
    }

    /// Returns the line of an event.
    fn render<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Map<String, Value>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Fields(of_span)) = span.extensions().get() {
                fields.0.extend(of_span.clone());
            }
        }
        event.record(&mut fields);
        let mut line = fields.0;
        self.add_common_fields(&mut line, *event.metadata().level());
        if event.metadata().target().starts_with(env!("CARGO_CRATE_NAME")) {
            metrics::measure(&mut line);
        }
        line
    }

    /// Adds what every line has.
    fn add_common_fields(&self, line: &mut Map<String, Value>, level: Level) {
        let mut timestamp = String::new();
        if SystemTime.format_time(&mut Writer::new(&mut timestamp)).is_ok() {
            line.insert("timestamp".into(), timestamp.into());
        }
        line.insert("level".into(), level.as_str().into());
        line.insert("service".into(), self.service.as_str().into());
    }

    /// Returns the line that is written in place of lines that were lost.
    fn lost_lines(&self, lost: u64) -> String {
        let mut line = Map::new();
        line.insert("message".into(), LINES_LOST.into());
        line.insert("lines".into(), lost.into());
        self.add_common_fields(&mut line, Level::WARN);
        format!("{}\n", Value::Object(line))
    }
}

impl<S> Layer<S> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    /// Keeps the fields of a span, for the lines of events within it.
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    /// Adds fields that a span gets after it was created.
    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    /// Writes the line of an event.
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let line = Value::Object(self.render(event, &context));
        let mut stdout = Stdout { lost_lines: |lost| self.lost_lines(lost) };
        // One write, which never fails.
        let _written = stdout.write_all(format!("{line}\n").as_bytes());
    }
}

impl Fields {
    /// Adds a field; a later one of the same name wins.
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    /// Adds a text, cut at the longest that is allowed.
    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, &value[..value.floor_char_boundary(MAX_TEXT_BYTES)]);
    }

    /// Adds any other value as its `Debug` text.
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
