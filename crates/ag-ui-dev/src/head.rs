//! The JSON in an answer: the prelude of a stream, or a whole buffered response.

use std::collections::BTreeMap;

use std::fmt::Display;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;

use super::error::FunctionError;

/// What comes before a body.
#[derive(Debug)]
pub(super) struct Head {
    /// The HTTP status.
    pub(super) status: u16,
    /// All headers but `set-cookie`.
    pub(super) headers: HeaderMap,
    /// The values of `set-cookie`.
    pub(super) cookies: Vec<String>,
}

/// Reads what comes before the 8 NULs.
pub(super) fn prelude(json: &[u8]) -> Result<Head, FunctionError> {
    serde_json::from_slice::<Response>(json).map_err(not_a_response)?.into_head()
}

/// Reads a buffered response and its body.
///
/// Without `statusCode` the whole payload is the body of a 200, as at a function URL.
pub(super) fn buffered(payload: &Bytes) -> Result<(Head, Bytes), FunctionError> {
    let value: Value = serde_json::from_slice(payload).map_err(not_a_response)?;
    if value.get("statusCode").is_none() {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        return Ok((Head { status: ok(), headers, cookies: Vec::new() }, payload.clone()));
    }
    let mut response: Response = serde_json::from_value(value).map_err(not_a_response)?;
    let body = response.body.take().unwrap_or_default();
    let body = if response.is_base64_encoded {
        BASE64_STANDARD.decode(body).map_err(not_a_response)?.into()
    } else {
        body.into()
    };
    Ok((response.into_head()?, body))
}

/// A response in JSON: the prelude of a stream, or a whole buffered one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default = "ok")]
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Values>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

fn ok() -> u16 {
    200
}

impl Response {
    fn into_head(self) -> Result<Head, FunctionError> {
        let mut headers = HeaderMap::new();
        // A name in both forms is the same header twice; the one that can hold several values is whole.
        let single = self.headers.iter().filter(|(name, _)| !self.multi_value_headers.contains_key(*name));
        for (name, values) in self.multi_value_headers.iter().chain(single) {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            for value in values {
                let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                    return Err(FunctionError::Malformed(format!("a header that is not one: {name:?}")));
                };
                headers.append(name, value);
            }
        }
        Ok(Head { status: self.status_code, headers, cookies: self.cookies })
    }
}

fn not_a_response(error: impl Display) -> FunctionError {
    FunctionError::Malformed(format!("what is not a response: {error}"))
}
