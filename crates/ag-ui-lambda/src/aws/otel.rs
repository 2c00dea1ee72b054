//! The spans of runs, sent to an OpenTelemetry collector before an invocation ends.
//!
//! Lambda freezes the process behind the last byte of a response, so nothing is sent by a thread or a timer: spans wait
//! in memory, and the response's body sends them between its last frame and its end. The client has every event by
//! then. A collector that does not answer costs the invocation [`PATIENCE`], and the spans.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body::{Frame, SizeHint};
use lambda_runtime::Error;
use lambda_runtime::tracing::subscriber::Layer;
use lambda_runtime::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_runtime::tracing::subscriber::registry::LookupSpan;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Array, Key, StringValue, Value};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor};
use tracing::{Subscriber, warn};

use crate::agent::SPANS;
use crate::endpoint::ResponseBody;

/// How long the end of a response waits for the collector: within the two seconds that a run leaves of its deadline.
const PATIENCE: Duration = Duration::from_secs(1);

/// As many spans as wait: more than a run at its limits has.
const MOST: usize = 2048;

static SENDER: OnceLock<Sender> = OnceLock::new();

struct Sender {
    waiting: Mutex<Vec<SpanData>>,
    /// Takes one batch at a time.
    exporter: tokio::sync::Mutex<SpanExporter>,
    /// Spans end with it.
    _provider: SdkTracerProvider,
}

/// Keeps spans that have ended until they are sent.
#[derive(Debug)]
struct Keep;

/// The layer that makes spans of OpenTelemetry. Where the collector is, what it asks for and which share of the traces
/// is sent comes from OpenTelemetry's own variables.
///
/// # Errors
/// An address or a header that cannot be used.
pub(super) fn layer<S>(service: &str) -> Result<impl Layer<S> + use<S>, Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let resource = resource(service);
    // No redirects: the variables may name a header with a key, and it is for this collector only.
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
    let mut exporter = SpanExporter::builder().with_http().with_http_client(client?).build()?;
    exporter.set_resource(&resource);
    let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(Keep).build();
    let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
    let sender = Sender {
        waiting: Mutex::default(),
        exporter: tokio::sync::Mutex::new(exporter),
        _provider: provider,
    };
    // A second call, in a test, keeps the first one.
    let _already_set = SENDER.set(sender);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false);
    Ok(layer.with_filter(Targets::new().with_target(SPANS, LevelFilter::INFO)))
}

/// The service as OpenTelemetry's variables name it, or else as the log does.
fn resource(service: &str) -> Resource {
    let named = Resource::builder().build();
    let is_unknown = named
        .get(&Key::from_static_str("service.name"))
        .is_none_or(|name| name.as_str().starts_with("unknown_service"));
    if is_unknown { Resource::builder().with_service_name(service.to_owned()).build() } else { named }
}

/// Sends the spans that wait.
pub(super) async fn flush() {
    let Some(sender) = SENDER.get() else { return };
    let batch = std::mem::take(&mut *sender.waiting());
    if batch.is_empty() {
        return;
    }
    let spans = batch.len();
    let send = async { sender.exporter.lock().await.export(batch).await };
    match tokio::time::timeout(PATIENCE, send).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(spans, cause = %error, "spans are lost"),
        Err(_elapsed) => warn!(spans, "spans are lost: the collector did not answer in time"),
    }
}

impl Sender {
    /// No panic happens under this lock, so a poisoned one is whole.
    fn waiting(&self) -> MutexGuard<'_, Vec<SpanData>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for Keep {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, mut span: SpanData) {
        for attribute in &mut span.attributes {
            // By the conventions a list, which fields of `tracing` can't be.
            if attribute.key.as_str() == "gen_ai.response.finish_reasons" {
                let reason = StringValue::from(attribute.value.as_str().into_owned());
                attribute.value = Value::Array(Array::String(vec![reason]));
            }
        }
        let Some(sender) = SENDER.get() else { return };
        let mut waiting = sender.waiting();
        if waiting.len() < MOST {
            waiting.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// A response's body that ends when its run's spans are sent.
pub(super) struct Flushed {
    /// Gone when it has ended, and its spans with it.
    body: Option<ResponseBody>,
    flush: BoxFuture<'static, ()>,
}

impl From<ResponseBody> for Flushed {
    fn from(body: ResponseBody) -> Self {
        Self { body: Some(body), flush: flush().boxed() }
    }
}

impl http_body::Body for Flushed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(body) = &mut self.body {
            let frame = ready!(Pin::new(body).poll_frame(cx));
            if frame.is_some() {
                return Poll::Ready(frame);
            }
            self.body = None;
        }
        self.flush.poll_unpin(cx).map(|()| None)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
