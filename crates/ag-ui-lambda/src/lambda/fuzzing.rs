//! Handles single events without a Runtime API, for the tests with hostile inputs. It is no part of the API.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use lambda_runtime::{Context, FunctionResponse, LambdaEvent};
use serde_json::Value;
use serde_json::value::RawValue;

use super::handler::LambdaHandler;
use crate::config::EntryPointConfig;
use crate::endpoint::Endpoint;

/// A response as Lambda receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodedResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body: all frames of a streamed response, or the text of a buffered one.
    pub body: Bytes,
}

/// Handles the JSON text of one event as [`serve_endpoint`](super::serve_endpoint) does, and reads the response to its end.
///
/// # Errors
/// The text with which the invocation fails, if the event is not an HTTP request of an entry point, or is not JSON.
pub async fn handle_event<C: Send + Sync + 'static>(
    endpoint: &Endpoint<C>,
    config: &EntryPointConfig,
    event: String,
) -> Result<EncodedResponse, String> {
    let payload = RawValue::from_string(event).map_err(|error| error.to_string())?;
    let handler = LambdaHandler::new(endpoint.clone(), config.clone());
    // The default context has no deadline.
    let response = handler.handle(LambdaEvent::new(payload, Context::default())).await;
    match response.map_err(|error| error.error_message)? {
        FunctionResponse::StreamingResponse(mut response) => {
            let status = response.metadata_prelude.status_code.as_u16();
            let mut body = BytesMut::new();
            while let Some(Ok(frame)) = response.stream.next().await {
                body.extend_from_slice(&frame);
            }
            Ok(EncodedResponse { status, body: body.freeze() })
        }
        FunctionResponse::BufferedResponse(response) => {
            let response = serde_json::to_value(response).map_err(|error| error.to_string())?;
            let status = response["statusCode"].as_u64().and_then(|status| status.try_into().ok());
            let Value::String(body) = &response["body"] else { return Err("the body is not text".into()) };
            Ok(EncodedResponse { status: status.unwrap_or_default(), body: body.clone().into() })
        }
    }
}
