//! Handles the events of Lambda: decodes a request, calls the endpoint, and encodes its response.

use std::sync::Once;

use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::value::RawValue;
use tracing::warn;

use super::event::{Event, EventSource, UnsupportedEvent};
use super::request;
use super::response::{self, BUFFERED_LIMIT, LambdaResponse};
use crate::config::{EntryPointConfig, ResponseMode};
use crate::endpoint::Endpoint;

/// Serves an endpoint through the entry points of AWS.
pub(super) struct LambdaHandler<C> {
    endpoint: Endpoint<C>,
    config: EntryPointConfig,
    /// Whether the operator was warned that an HTTP API cannot stream.
    warned: Once,
}

impl<C: Send + Sync + 'static> LambdaHandler<C> {
    /// Creates a handler that passes requests to `endpoint` and sends the responses as `config` configures.
    pub(super) fn new(endpoint: Endpoint<C>, config: EntryPointConfig) -> Self {
        Self { endpoint, config, warned: Once::new() }
    }

    /// Handles one event: decodes the request, calls the endpoint, and encodes the response as streamed or buffered.
    /// An event of a load balancer is not served and gets a response with status 501.
    ///
    /// # Errors
    /// If the event is not an HTTP request, or cannot be read. The invocation then fails, because a caller who
    /// invokes the function directly would take any response for a success.
    pub(super) async fn handle(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<LambdaResponse, Diagnostic> {
        let LambdaEvent { payload, context } = event;
        let event = match Event::parse(payload.get()) {
            Ok(event) => event,
            Err(unsupported) => {
                warn!(cause = %unsupported, "the event is not supported and was refused");
                return match unsupported {
                    UnsupportedEvent::LoadBalancer => Ok(response::load_balancer_refusal()),
                    UnsupportedEvent::Unknown | UnsupportedEvent::Unreadable { .. } => Err(Diagnostic {
                        error_type: "UnsupportedEvent".into(),
                        error_message: unsupported.to_string(),
                    }),
                };
            }
        };
        drop(payload);
        let source = event.source;
        let request = request::to_http(event, &context);
        if self.is_streamed(source) {
            Ok(response::encode_streamed(self.endpoint.handle(request).await))
        } else {
            let response = self.endpoint.handle_buffered(request, &BUFFERED_LIMIT).await;
            #[cfg(feature = "otel")]
            super::telemetry::otel::flush().await;
            Ok(response::encode_buffered(response))
        }
    }

    /// Whether responses to this entry point are streamed. An HTTP API cannot stream: if streaming is configured all
    /// the same, a warning is logged once.
    fn is_streamed(&self, source: EventSource) -> bool {
        let is_configured = self.config.mode == ResponseMode::Stream;
        if is_configured && source == EventSource::HttpApi {
            self.warned.call_once(|| {
                warn!(
                    "an HTTP API cannot stream, so its responses are buffered; \
                     set AGUI_RESPONSE_MODE=buffered if this is intended"
                );
            });
        }
        is_configured && source != EventSource::HttpApi
    }
}
