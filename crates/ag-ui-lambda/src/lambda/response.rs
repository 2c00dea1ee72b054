//! Encodes a response for Lambda: streamed, or buffered for entry points that cannot stream.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body as _;
use lambda_runtime::{FunctionResponse, MetadataPrelude, StreamResponse};
use serde::Serialize;
use serde_json::json;

use crate::endpoint::{ResponseBody, ResponseLimit};

/// A response as the runtime accepts it: streamed or buffered.
pub(super) type LambdaResponse = FunctionResponse<BufferedResponse, StreamedBody>;

/// The limit of a buffered response. Lambda takes JSON of at most 6 MB in which the body is a string; 16 KiB of that are left
/// for everything but the body.
///
/// Source: Lambda's quotas, "Invocation payload".
pub(super) const BUFFERED_LIMIT: ResponseLimit =
    ResponseLimit { max_bytes: (6 * 1024 - 16) * 1024, headroom: 128 * 1024, encoded_len: json_encoded_len };

/// A buffered response, in the form that function URLs, REST APIs and HTTP APIs all accept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BufferedResponse {
    status_code: u16,
    /// Required by load balancers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<&'static str>,
    headers: BTreeMap<String, String>,
    /// Read instead of `headers` by load balancers that are configured for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, [String; 1]>>,
    body: String,
    /// Always false, because all responses of the endpoint are text.
    is_base64_encoded: bool,
}

/// The body of a streamed response.
pub(super) struct StreamedBody(Body);

#[cfg(not(feature = "otel"))]
type Body = ResponseBody;
#[cfg(feature = "otel")]
type Body = super::telemetry::otel::FlushAtEnd;

#[cfg_attr(
    not(feature = "otel"),
    expect(clippy::useless_conversion, reason = "without `otel` it is the same type")
)]
/// Encodes a response that is sent while its run goes on: each frame of the body leaves as soon as it is there.
pub(super) fn encode_streamed(response: Response<ResponseBody>) -> LambdaResponse {
    let (head, body) = response.into_parts();
    let metadata_prelude =
        MetadataPrelude { headers: head.headers, status_code: head.status, cookies: Vec::new() };
    FunctionResponse::StreamingResponse(StreamResponse {
        metadata_prelude,
        stream: StreamedBody(body.into()),
    })
}

/// Encodes a response whose body is complete, in the JSON form that function URLs, REST APIs and HTTP APIs accept.
pub(super) fn encode_buffered(response: Response<Bytes>) -> LambdaResponse {
    let (head, body) = response.into_parts();
    FunctionResponse::BufferedResponse(BufferedResponse {
        status_code: head.status.as_u16(),
        status_description: None,
        headers: header_map(&head.headers),
        multi_value_headers: None,
        body: String::from_utf8_lossy(&body).into_owned(),
        is_base64_encoded: false,
    })
}

/// The message for the user of a chat behind a load balancer.
const LOAD_BALANCER_MESSAGE: &str = "This agent cannot be reached through an Application Load Balancer. \
    It can be reached through function URLs, REST APIs and HTTP APIs.";

/// Builds the response to an event of a load balancer, which is not served: status 501 and a JSON body with the
/// reason. The invocation does not fail, so that the load balancer passes the reason on.
pub(super) fn load_balancer_refusal() -> LambdaResponse {
    let error = json!({ "code": "UNSUPPORTED_FRONT_DOOR", "message": LOAD_BALANCER_MESSAGE });
    let headers = [
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
        ("x-content-type-options", "nosniff"),
    ];
    let headers: BTreeMap<String, String> =
        headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let many = headers.iter().map(|(name, value)| (name.clone(), [value.clone()])).collect();
    FunctionResponse::BufferedResponse(BufferedResponse {
        status_code: StatusCode::NOT_IMPLEMENTED.as_u16(),
        status_description: Some("501 Not Implemented"),
        headers,
        multi_value_headers: Some(many),
        body: json!({ "error": error }).to_string(),
        is_base64_encoded: false,
    })
}

/// Returns the headers as a map of text. The endpoint never repeats a header, and all its values are text.
fn header_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// Returns the number of bytes that `text` needs inside a JSON string, without the quotes, as serde_json escapes it.
/// The size of a buffered response is measured with this function.
fn json_encoded_len(text: &[u8]) -> usize {
    let bytes = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.iter().map(bytes).sum()
}

impl Stream for StreamedBody {
    type Item = Result<Bytes, Infallible>;

    /// Polls the bytes of the next frame of the body; `None` at its end. It never fails.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = std::task::ready!(Pin::new(&mut self.0).poll_frame(cx));
        // The endpoint sends no trailers.
        Poll::Ready(frame.and_then(|frame| match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(never) => match never {},
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn to_json(response: LambdaResponse) -> Value {
        match response {
            FunctionResponse::BufferedResponse(response) => serde_json::to_value(response).unwrap(),
            FunctionResponse::StreamingResponse(_) => panic!("the response is streamed"),
        }
    }

    #[test]
    fn buffered_response_has_the_common_form() {
        let response = Response::builder().status(201).header("content-type", "text/event-stream");
        let response = response.body(Bytes::from_static(b"data: {}\n\n")).unwrap();

        assert_eq!(
            to_json(encode_buffered(response)),
            json!({
                "statusCode": 201, "headers": {"content-type": "text/event-stream"},
                "body": "data: {}\n\n", "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn load_balancer_is_refused_in_both_header_forms() {
        let refusal = to_json(load_balancer_refusal());

        assert_eq!(
            (&refusal["statusCode"], &refusal["statusDescription"]),
            (&json!(501), &json!("501 Not Implemented"))
        );
        assert_eq!(refusal["headers"]["content-type"], "application/json");
        assert_eq!(refusal["multiValueHeaders"]["content-type"], json!(["application/json"]));
        let body: Value = serde_json::from_str(refusal["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["error"]["code"], "UNSUPPORTED_FRONT_DOOR");
        assert_eq!(body["error"]["message"], LOAD_BALANCER_MESSAGE);
        assert!(LOAD_BALANCER_MESSAGE.ends_with('.') && !LOAD_BALANCER_MESSAGE.contains('\n'));
    }

    #[test]
    fn json_encoded_len_is_that_of_serde_json() {
        for text in ["", "data: {\"a\":\"\\\\\"}\n\n", "é\u{2028}", "\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}"] {
            let quotes = 2;
            assert_eq!(
                json_encoded_len(text.as_bytes()) + quotes,
                serde_json::to_string(text).unwrap().len(),
                "{text:?}"
            );
        }
    }
}
