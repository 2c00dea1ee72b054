//! The requests that a provider has received.

use http::HeaderMap;
use serde_json::Value;

/// A request that a [`Provider`](super::Provider) has received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The path, with the query if there is one.
    pub path: String,
    /// The headers; their names are in lower case.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub body: Value,
    /// Why the request was refused: the error of the test's check, that the headers fail theirs, that the body is too long for
    /// the model, or that it is not JSON.
    pub rejection: Option<String>,
}
