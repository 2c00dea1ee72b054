//! What a function is handed: an event, and what Lambda says beside it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use uuid::Uuid;

/// How long an event has when its sender says nothing: longer than any run that the crate's limits allow.
const DEFAULT_TIME: Duration = Duration::from_secs(300);
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:ag-ui-dev";

/// The bytes of an event: JSON text, or a value.
#[derive(Clone, Debug)]
pub struct Payload(pub(super) Bytes);

impl From<Bytes> for Payload {
    fn from(json: Bytes) -> Self {
        Self(json)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(json: Vec<u8>) -> Self {
        Self(json.into())
    }
}

impl From<&str> for Payload {
    fn from(json: &str) -> Self {
        Self(json.to_owned().into())
    }
}

impl From<String> for Payload {
    fn from(json: String) -> Self {
        Self(json.into())
    }
}

impl From<&Value> for Payload {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

/// What Lambda tells a function beside the event.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// When the function would be stopped; 300 s from now if `None`. It is told and not enforced.
    pub deadline: Option<SystemTime>,
    /// The X-Ray trace header; a fresh one if `None`.
    pub trace_id: Option<HeaderValue>,
    /// The id that the log lines of this request bear; a fresh one if `None`.
    pub request_id: Option<String>,
    /// The tenant that the environment is kept apart for; none if `None`.
    pub tenant_id: Option<HeaderValue>,
}

impl Invocation {
    /// The headers of the event with this request id.
    pub(super) fn into_headers(self, request_id: &str) -> HeaderMap {
        let deadline = self.deadline.unwrap_or_else(|| SystemTime::now() + DEFAULT_TIME);
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let headers = [
            ("content-type", HeaderValue::from_static("application/json")),
            ("lambda-runtime-aws-request-id", header(request_id.to_owned())),
            ("lambda-runtime-deadline-ms", header(deadline_ms.to_string())),
            ("lambda-runtime-invoked-function-arn", HeaderValue::from_static(FUNCTION_ARN)),
            ("lambda-runtime-trace-id", self.trace_id.unwrap_or_else(fresh_trace_id)),
            ("lambda-runtime-invocation-id", header(Uuid::new_v4().to_string())),
        ];
        let tenant = self.tenant_id.map(|tenant| ("lambda-runtime-aws-tenant-id", tenant));
        let headers = headers.into_iter().chain(tenant);
        headers.map(|(name, value)| (HeaderName::from_static(name), value)).collect()
    }
}

/// For numbers and UUIDs.
pub(super) fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("numbers and UUIDs are ASCII")
}

fn fresh_trace_id() -> HeaderValue {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random = Uuid::new_v4().simple().to_string();
    header(format!("Root=1-{seconds:08x}-{};Sampled=0", &random[..24]))
}
