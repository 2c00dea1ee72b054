//! Sends the spans of runs to an OpenTelemetry collector before an invocation ends.
//!
//! Lambda freezes the process after the last byte of a response, so a thread or a timer would not send anything. Spans are
//! buffered in memory, and the body of the response sends them between its last frame and its end, when the client already
//! has every event. If the collector does not respond within [`EXPORT_TIMEOUT`], the spans are lost.

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

use crate::agent::SPAN_TARGET;
use crate::endpoint::ResponseBody;

/// How long the end of a response waits for the collector. A run ends two seconds before its deadline, so there is time.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// The most spans that are buffered: more than a run at its limits has. Further spans are dropped.
const MAX_BUFFERED_SPANS: usize = 2048;

/// The export of this process, once [`build_layer`] has set it up.
static EXPORT: OnceLock<SpanExport> = OnceLock::new();

/// The buffered spans, and what sends them.
struct SpanExport {
    /// The spans that have ended and are not sent yet.
    buffered: Mutex<Vec<SpanData>>,
    /// Sends one batch at a time.
    exporter: tokio::sync::Mutex<SpanExporter>,
    /// Kept alive, because spans of a dropped provider are not recorded.
    _provider: SdkTracerProvider,
}

/// Buffers spans that have ended, until [`flush`] sends them.
#[derive(Debug)]
struct BufferingProcessor;

/// Builds the layer that records spans for OpenTelemetry, and sets up their export for [`flush`]. `service` is the
/// name of the service if OpenTelemetry's variables name none. These variables also hold the address and the headers
/// of the collector, and the share of traces that is sent.
///
/// # Errors
/// If the address or a header cannot be used.
pub(in crate::lambda) fn build_layer<S>(service: &str) -> Result<impl Layer<S> + use<S>, Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let resource = resource_for(service);
    // A redirect is not followed, because it would send a header with a key to another server.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(EXPORT_TIMEOUT)
        .build();
    let mut exporter = SpanExporter::builder().with_http().with_http_client(client?).build()?;
    exporter.set_resource(&resource);
    let provider =
        SdkTracerProvider::builder().with_resource(resource).with_span_processor(BufferingProcessor).build();
    let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
    let export = SpanExport {
        buffered: Mutex::default(),
        exporter: tokio::sync::Mutex::new(exporter),
        _provider: provider,
    };
    // Only the first call has an effect.
    let _already_set = EXPORT.set(export);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false);
    Ok(layer.with_filter(Targets::new().with_target(SPAN_TARGET, LevelFilter::INFO)))
}

/// Returns the resource that all spans belong to. Its service name comes from OpenTelemetry's variables; without one
/// it is `service`.
fn resource_for(service: &str) -> Resource {
    let from_variables = Resource::builder().build();
    let is_unknown = from_variables
        .get(&Key::from_static_str("service.name"))
        .is_none_or(|name| name.as_str().starts_with("unknown_service"));
    if is_unknown {
        Resource::builder().with_service_name(service.to_owned()).build()
    } else {
        from_variables
    }
}

/// Sends the buffered spans to the collector, at the end of each response. If the collector fails or does not respond
/// in time, the spans are lost and a warning is logged. Does nothing without spans or without a collector.
pub(in crate::lambda) async fn flush() {
    let Some(export) = EXPORT.get() else { return };
    let batch = std::mem::take(&mut *export.lock_buffer());
    if batch.is_empty() {
        return;
    }
    let spans = batch.len();
    let send = async { export.exporter.lock().await.export(batch).await };
    match tokio::time::timeout(EXPORT_TIMEOUT, send).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            warn!(spans, cause = %error, "the spans could not be sent to the collector and are lost");
        }
        Err(_elapsed) => warn!(spans, "the collector did not respond in time, and the spans are lost"),
    }
}

impl SpanExport {
    /// Locks the buffer and returns it. A poisoned lock is ignored, because nothing panics while the buffer is
    /// locked.
    fn lock_buffer(&self) -> MutexGuard<'_, Vec<SpanData>> {
        self.buffered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for BufferingProcessor {
    /// Does nothing, because only spans that have ended are buffered.
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    /// Buffers a span that has ended. A span is dropped if the buffer is full.
    fn on_end(&self, mut span: SpanData) {
        for attribute in &mut span.attributes {
            // The conventions want a list, which a field of `tracing` cannot be.
            if attribute.key.as_str() == "gen_ai.response.finish_reasons" {
                let reason = StringValue::from(attribute.value.as_str().into_owned());
                attribute.value = Value::Array(Array::String(vec![reason]));
            }
        }
        let Some(export) = EXPORT.get() else { return };
        let mut buffered = export.lock_buffer();
        if buffered.len() < MAX_BUFFERED_SPANS {
            buffered.push(span);
        }
    }

    /// Does nothing, because [`flush`] sends the spans.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Does nothing, because [`flush`] has sent the spans of each response.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The body of a response that sends the spans of its run before it ends.
pub(in crate::lambda) struct FlushAtEnd {
    /// The wrapped body. `None` after its last frame: it is dropped then, which ends the spans of its run.
    body: Option<ResponseBody>,
    /// Sends the spans. Polled after the last frame.
    flush: BoxFuture<'static, ()>,
}

impl From<ResponseBody> for FlushAtEnd {
    /// Wraps the body of a response, so that its spans are sent at its end.
    fn from(body: ResponseBody) -> Self {
        Self { body: Some(body), flush: flush().boxed() }
    }
}

impl http_body::Body for FlushAtEnd {
    type Data = Bytes;
    type Error = Infallible;

    /// Polls the next frame of the response. After the last frame it sends the spans, and only then reports the end
    /// of the body.
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

    /// Returns the size of the wrapped body; unknown after its last frame.
    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}
