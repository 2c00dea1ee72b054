//! Handles the events of Lambda: decodes a request, calls the endpoint, and encodes its response.

use std::sync::Once;

use http::HeaderMap;
use http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
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
    /// A handler that passes requests to this endpoint.
    pub(super) fn new(endpoint: Endpoint<C>, config: EntryPointConfig) -> Self {
        Self { endpoint, config, warned: Once::new() }
    }

    /// Handles one event.
    ///
    /// # Errors
    /// If the event does not come from an entry point. The invocation then fails, because whoever invoked the function
    /// directly would take a response for a success. A load balancer gets a response with status 501.
    pub(super) async fn handle(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> Result<LambdaResponse, Diagnostic> {
        let LambdaEvent { payload, context } = event;
        let event = match Event::parse(payload.get()) {
            Ok(event) => event,
            Err(unsupported) => {
                warn!(cause = %unsupported, "event refused");
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
            let mut response = self.endpoint.handle(request).await;
            self.allow_origin(source, response.headers_mut());
            Ok(response::encode_streamed(response))
        } else {
            let mut response = self.endpoint.handle_buffered(request, &BUFFERED_LIMIT).await;
            #[cfg(feature = "otel")]
            super::telemetry::otel::flush().await;
            self.allow_origin(source, response.headers_mut());
            Ok(response::encode_buffered(response))
        }
    }

    /// Whether a response to this entry point is streamed. An HTTP API cannot stream: its client would read an error.
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

    /// Lets pages of the allowed origin read the response of a REST API. Function URLs and HTTP APIs write this header
    /// themselves.
    fn allow_origin(&self, source: EventSource, headers: &mut HeaderMap) {
        if let (EventSource::RestApi, Some(origin)) = (source, &self.config.allowed_origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}
