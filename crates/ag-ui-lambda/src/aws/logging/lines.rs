//! A line of the log as JSON: one flat object, whose keys Logs Insights and metric filters name as they are.
//!
//! Lambda reads `level` and `timestamp`; without a timestamp it takes every line for one of level INFO. The fields of the
//! spans around an event come before the event's own. A line that is measured is a document of CloudWatch's embedded
//! metric format as well: [`metrics`](super::metrics).

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
use tracing::{Event, Subscriber};

use super::metrics;
use super::output::Output;

/// The longest text of a field. A chain of causes has room; what is longer is no log.
const LONGEST: usize = 2048;

/// Writes each event as a line of JSON.
pub(super) struct Lines {
    service: String,
}

/// The fields of a span or an event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Lines {
    pub(super) fn new(service: &str) -> Self {
        Self { service: service.to_owned() }
    }

    fn line<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Map<String, Value>
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
        let mut timestamp = String::new();
        if SystemTime.format_time(&mut Writer::new(&mut timestamp)).is_ok() {
            line.insert("timestamp".into(), timestamp.into());
        }
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("service".into(), self.service.as_str().into());
        if event.metadata().target().starts_with(env!("CARGO_CRATE_NAME")) {
            metrics::measure(&mut line);
        }
        line
    }
}

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let line = Value::Object(self.line(event, &context));
        // One write, and `Output` has no errors.
        let _written = Output.write_all(format!("{line}\n").as_bytes());
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &value[..value.floor_char_boundary(LONGEST)]);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
