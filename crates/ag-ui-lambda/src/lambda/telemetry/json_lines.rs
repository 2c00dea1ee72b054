//! Writes log lines as JSON: each line is one flat object, so that queries and metric filters use its keys directly.
//!
//! Lambda reads `level` and `timestamp`; without a timestamp it takes every line for one of level INFO. A line has the
//! fields of its event and of all spans around the event. If several have a field of the same name, the event counts before
//! a span, and an inner span before an outer one. [`metrics`](super::metrics) adds metrics to the lines of some events.

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
    /// The name of the service: a field of each line, and a dimension of each metric.
    service: String,
}

/// The fields of a span or an event, by name. A span keeps its own until it ends.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl JsonLines {
    /// Creates a layer whose lines have `service` in their field of the same name.
    pub(super) fn new(service: &str) -> Self {
        Self { service: service.to_owned() }
    }

    /// Returns the log line of an event: its own fields, those of the spans around it, the common fields, and the
    /// metrics of the event if it has any.
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
            metrics::add_metrics(&mut line);
        }
        line
    }

    /// Adds the fields that every line has: the timestamp, the level and the service.
    fn add_common_fields(&self, line: &mut Map<String, Value>, level: Level) {
        let mut timestamp = String::new();
        if SystemTime.format_time(&mut Writer::new(&mut timestamp)).is_ok() {
            line.insert("timestamp".into(), timestamp.into());
        }
        line.insert("level".into(), level.as_str().into());
        line.insert("service".into(), self.service.as_str().into());
    }

    /// Returns the line that is written in place of `lost` lines that stdout did not accept.
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
    /// Stores the fields of a new span in the span, for the lines of events within it.
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    /// Adds fields that are recorded on a span after its creation.
    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    /// Writes the line of an event to stdout.
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let line = Value::Object(self.render(event, &context));
        let mut stdout = Stdout { lost_lines: |lost| self.lost_lines(lost) };
        // One write, which never fails.
        let _written = stdout.write_all(format!("{line}\n").as_bytes());
    }
}

impl Fields {
    /// Adds a field. It replaces a field of the same name.
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    /// Adds a number.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    /// Adds a whole number.
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    /// Adds a whole number that is not negative.
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    /// Adds a boolean.
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    /// Adds a text, of which at most [`MAX_TEXT_BYTES`] are kept.
    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, &value[..value.floor_char_boundary(MAX_TEXT_BYTES)]);
    }

    /// Adds any other value as its `Debug` text, of which at most [`MAX_TEXT_BYTES`] are kept.
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
