//! What the development server answers by itself.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::access::Refused;
use super::caller::BadCaller;
use super::error::ServerError;
use super::faults::BadFault;
use crate::FunctionError;
use crate::http_answer::Body;

/// An answer of the server itself that is no success.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn bad_request(message: impl ToString) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "BAD_REQUEST", message: message.to_string() }
    }

    pub(super) fn internal(message: impl ToString) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "INTERNAL", message: message.to_string() }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        json(self.status, &json!({ "error": { "code": self.code, "message": self.message } }))
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self { status: refused.status(), code: refused.code(), message: refused.to_string() }
    }
}

impl From<BadCaller> for Refusal {
    fn from(bad: BadCaller) -> Self {
        Self::bad_request(bad)
    }
}

impl From<BadFault> for Refusal {
    fn from(bad: BadFault) -> Self {
        Self::bad_request(bad)
    }
}

impl From<FunctionError> for Refusal {
    /// As a function URL answers where a function fails, with the reason, since this is the developer's own machine.
    fn from(error: FunctionError) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, code: "FUNCTION_FAILED", message: error.to_string() }
    }
}

impl From<ServerError> for Refusal {
    fn from(error: ServerError) -> Self {
        Self::internal(error)
    }
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body that is there already.
pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
