//! What Lambda sends to a function for one invocation: the event, and headers about the invocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use uuid::Uuid;

/// The time until the deadline, if the caller sets none. It is longer than any run that the library's limits allow.
const DEFAULT_TIME_LEFT: Duration = Duration::from_secs(300);
/// The ARN of the function, which each event has in a header.
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:ag-ui-dev";

/// Holds the JSON text of an event. It is converted from bytes, from text or from a JSON value.
#[derive(Clone, Debug)]
pub struct Payload(pub(super) Bytes);

impl From<Bytes> for Payload {
    /// Uses JSON text as an event, without a check.
    fn from(json: Bytes) -> Self {
        Self(json)
    }
}

impl From<Vec<u8>> for Payload {
    /// Uses JSON text as an event, without a check.
    fn from(json: Vec<u8>) -> Self {
        Self(json.into())
    }
}

impl From<&str> for Payload {
    /// Uses JSON text as an event, without a check.
    fn from(json: &str) -> Self {
        Self(json.to_owned().into())
    }
}

impl From<String> for Payload {
    /// Uses JSON text as an event, without a check.
    fn from(json: String) -> Self {
        Self(json.into())
    }
}

impl From<&Value> for Payload {
    /// Writes a JSON value as an event.
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

/// What Lambda sends to a function beside the event.
#[expect(clippy::exhaustive_structs, reason = "tests set some members and take the others from `default()`")]
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// The time at which the invocation must be over; `None` is 300 s from now. It is only sent: nothing stops the
    /// function when it has passed.
    pub deadline: Option<SystemTime>,
    /// The X-Ray trace header that is sent; if it is `None`, a new one is made up.
    pub trace_id: Option<HeaderValue>,
    /// The id of the request, which its log lines have; `None` is a new one.
    pub request_id: Option<String>,
    /// The tenant that the execution environment is isolated for, if there is one.
    pub tenant_id: Option<HeaderValue>,
}

impl Invocation {
    /// Makes the headers with which the Runtime API sends an event to the function. Members that are `None` get default
    /// values.
    pub(super) fn into_headers(self, request_id: &str) -> HeaderMap {
        let deadline = self.deadline.unwrap_or_else(|| SystemTime::now() + DEFAULT_TIME_LEFT);
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let headers = [
            ("content-type", HeaderValue::from_static("application/json")),
            ("lambda-runtime-aws-request-id", header_value(request_id.to_owned())),
            ("lambda-runtime-deadline-ms", header_value(deadline_ms.to_string())),
            ("lambda-runtime-invoked-function-arn", HeaderValue::from_static(FUNCTION_ARN)),
            ("lambda-runtime-trace-id", self.trace_id.unwrap_or_else(new_trace_id)),
            ("lambda-runtime-invocation-id", header_value(Uuid::new_v4().to_string())),
        ];
        let tenant = self.tenant_id.map(|tenant| ("lambda-runtime-aws-tenant-id", tenant));
        let headers = headers.into_iter().chain(tenant);
        headers.map(|(name, value)| (HeaderName::from_static(name), value)).collect()
    }
}

/// Makes a header value from a number or a UUID. It panics for text that is not ASCII. The Runtime API's headers to the
/// function are made with this.
pub(super) fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("numbers and UUIDs are ASCII")
}

/// Generates a value for the X-Ray trace header, with the current time, of a trace that is not sampled.
fn new_trace_id() -> HeaderValue {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let random = Uuid::new_v4().simple().to_string();
    header_value(format!("Root=1-{seconds:08x}-{};Sampled=0", &random[..24]))
}
