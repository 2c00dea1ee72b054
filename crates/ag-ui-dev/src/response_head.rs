//! The head of a function's response: the JSON prelude of a stream, or the JSON of a buffered response.

use std::collections::BTreeMap;

use std::fmt::Display;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;

use super::error::FunctionError;

/// The head of a response.
#[derive(Debug)]
pub(super) struct ResponseHead {
    /// The HTTP status.
    pub(super) status: u16,
    /// All headers but `set-cookie`.
    pub(super) headers: HeaderMap,
    /// The values of `set-cookie`.
    pub(super) cookies: Vec<String>,
}

/// Reads the head of a streamed response from its JSON, which ends before the separator.
pub(super) fn parse_prelude(json: &[u8]) -> Result<ResponseHead, FunctionError> {
    serde_json::from_slice::<Response>(json).map_err(not_a_response)?.into_head()
}

/// Reads the head and the body of a buffered response from the JSON of its payload.
///
/// If the payload has no `statusCode`, all of it is the body of a response with status 200, as with a function URL.
pub(super) fn parse_buffered(payload: &Bytes) -> Result<(ResponseHead, Bytes), FunctionError> {
    let value: Value = serde_json::from_slice(payload).map_err(not_a_response)?;
    if value.get("statusCode").is_none() {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        return Ok((ResponseHead { status: ok(), headers, cookies: Vec::new() }, payload.clone()));
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

/// The JSON of a response. A prelude has no body.
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

/// One value of a header, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// Returns 200, the status of a response whose JSON has none. serde uses this as the default.
fn ok() -> u16 {
    200
}

impl Response {
    /// Turns the JSON of a response into its head; an error if the name or the value of a header is malformed.
    fn into_head(self) -> Result<ResponseHead, FunctionError> {
        let mut headers = HeaderMap::new();
        // If a header is in both forms, the form for several values has them all.
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
        Ok(ResponseHead { status: self.status_code, headers, cookies: self.cookies })
    }
}

/// Creates the error for a payload that is not a response; `error` is what its reader has found.
fn not_a_response(error: impl Display) -> FunctionError {
    FunctionError::Malformed(format!("what is not a response: {error}"))
}
