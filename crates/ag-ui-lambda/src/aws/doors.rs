//! The front doors: an event in, an answer in the form that its door takes.

use std::sync::Once;

use http::HeaderMap;
use http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::value::RawValue;
use tracing::warn;

use super::answer::{self, Answer, ROOM};
use super::event::{Door, Event, Unserved};
use super::request;
use crate::config::{DoorConfig, ResponseMode};
use crate::endpoint::Endpoint;

/// An endpoint behind the doors of AWS.
pub(super) struct Doors<C> {
    endpoint: Endpoint<C>,
    config: DoorConfig,
    /// What an operator is told once.
    told: Once,
}

impl<C: Send + Sync + 'static> Doors<C> {
    pub(super) fn new(endpoint: Endpoint<C>, config: DoorConfig) -> Self {
        Self { endpoint, config, told: Once::new() }
    }

    /// Answers an event.
    ///
    /// # Errors
    /// For an event that comes from no front door: whoever invoked the function reads an error, and not an answer
    /// that looks like a success.
    pub(super) async fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Diagnostic> {
        let LambdaEvent { payload, context } = event;
        let event = match Event::read(payload.get()) {
            Ok(event) => event,
            Err(unserved) => {
                warn!(cause = %unserved, "event refused");
                return match unserved {
                    Unserved::LoadBalancer => Ok(answer::load_balancer()),
                    Unserved::Unknown | Unserved::Unreadable { .. } => Err(Diagnostic {
                        error_type: "UnsupportedEvent".into(),
                        error_message: unserved.to_string(),
                    }),
                };
            }
        };
        drop(payload);
        let door = event.door;
        let request = request::read(event, &context);
        if self.streams(door) {
            let mut response = self.endpoint.handle(request).await;
            self.allow_origin(door, response.headers_mut());
            Ok(answer::streamed(response))
        } else {
            let mut response = self.endpoint.handle_whole(request, &ROOM).await;
            #[cfg(feature = "otel")]
            super::otel::flush().await;
            self.allow_origin(door, response.headers_mut());
            Ok(answer::whole(response))
        }
    }

    /// Whether an answer leaves as it is made. To an HTTP API none does, whatever is set: its client would read an error.
    fn streams(&self, door: Door) -> bool {
        let is_meant = self.config.mode == ResponseMode::Stream;
        if is_meant && door == Door::HttpApi {
            self.told.call_once(|| {
                warn!(
                    "an HTTP API takes no stream, so its runs are answered whole; \
                     AGUI_RESPONSE_MODE=buffered says that this is meant"
                );
            });
        }
        is_meant && door != Door::HttpApi
    }

    /// Lets pages of another origin read the answer. A function URL and an HTTP API write this header themselves; a REST
    /// API leaves it to the function.
    fn allow_origin(&self, door: Door, headers: &mut HeaderMap) {
        if let (Door::RestApi, Some(origin)) = (door, &self.config.allowed_origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}
