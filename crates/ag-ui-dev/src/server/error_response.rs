//! The responses of the development server itself: errors, and JSON.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::access::AccessError;
use super::caller::CallerError;
use super::error::ServerError;
use super::faults::FaultError;
use crate::FunctionError;
use crate::http_response::Body;

/// An error of the server itself, as its client reads it.
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ErrorResponse {
    /// Creates the error response to a request that the server cannot read: 400.
    pub(super) fn bad_request(message: impl ToString) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "BAD_REQUEST", message: message.to_string() }
    }

    /// Creates the error response for a failure of the development server itself: 500.
    pub(super) fn internal(message: impl ToString) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "INTERNAL", message: message.to_string() }
    }

    /// Turns the error into an HTTP response with a JSON body.
    pub(super) fn into_response(self) -> Response<Body> {
        json(self.status, &json!({ "error": { "code": self.code, "message": self.message } }))
    }
}

impl From<AccessError> for ErrorResponse {
    /// Creates the error response to a request that was refused: 403, or 401 if the secret is missing or wrong.
    fn from(error: AccessError) -> Self {
        Self { status: error.status(), code: error.code(), message: error.to_string() }
    }
}

impl From<CallerError> for ErrorResponse {
    /// Creates the error response to a request whose caller cannot be read: 400.
    fn from(error: CallerError) -> Self {
        Self::bad_request(error)
    }
}

impl From<FaultError> for ErrorResponse {
    /// Creates the error response to a request for a fault that cannot be set: 400.
    fn from(error: FaultError) -> Self {
        Self::bad_request(error)
    }
}

impl From<FunctionError> for ErrorResponse {
    /// Creates the error response to a request on which the function has failed: 502, as from a function URL. The message
    /// has the reason, since the request comes from the developer's own machine.
    fn from(error: FunctionError) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, code: "FUNCTION_FAILED", message: error.to_string() }
    }
}

impl From<ServerError> for ErrorResponse {
    /// Creates the error response for a part of the development server that did not start: 500.
    fn from(error: ServerError) -> Self {
        Self::internal(error)
    }
}

/// Creates an HTTP response with a JSON body, which must not be cached.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Creates a response body that holds these bytes, all sent at once. JSON responses and the files of the page have such
/// a body.
pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
