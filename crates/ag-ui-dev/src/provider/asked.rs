//! What a provider was asked.

use http::HeaderMap;
use serde_json::Value;

/// A request that a [`Provider`](super::Provider) was asked with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Asked {
    /// The path, with the query if it has one.
    pub path: String,
    /// The headers, by lower-case names.
    pub headers: HeaderMap,
    /// The body, null when it is not JSON.
    pub body: Value,
    /// Why it was answered 400: what the judge said, or that its body is not JSON.
    pub refused: Option<String>,
}
