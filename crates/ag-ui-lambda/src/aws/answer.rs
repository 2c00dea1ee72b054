//! How an answer goes back: as a stream, or whole where a front door takes no stream.

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

use crate::endpoint::{ResponseBody, Room};

/// An answer in either form. The runtime writes whichever it is.
pub(super) type Answer = FunctionResponse<Whole, Streamed>;

/// What Lambda takes as a whole answer is JSON of 6 MB in which the body is a string; a little is left for all
/// that is not the body.
pub(super) const ROOM: Room =
    Room { limit: (6 * 1024 - 16) * 1024, reserve: 128 * 1024, weigh: bytes_in_json };

/// A whole answer, in the form that function URLs, REST APIs and HTTP APIs read alike.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole {
    status_code: u16,
    /// Only a load balancer asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<&'static str>,
    headers: BTreeMap<String, String>,
    /// For load balancers that are set up to read no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, [String; 1]>>,
    body: String,
    /// Never: what the endpoint answers is text.
    is_base64_encoded: bool,
}

/// The body of a streamed answer.
pub(super) struct Streamed(Body);

#[cfg(not(feature = "otel"))]
type Body = ResponseBody;
#[cfg(feature = "otel")]
type Body = super::otel::Flushed;

#[cfg_attr(not(feature = "otel"), expect(clippy::useless_conversion, reason = "two kinds of bodies"))]
pub(super) fn streamed(response: Response<ResponseBody>) -> Answer {
    let (head, body) = response.into_parts();
    let metadata_prelude =
        MetadataPrelude { headers: head.headers, status_code: head.status, cookies: Vec::new() };
    FunctionResponse::StreamingResponse(StreamResponse { metadata_prelude, stream: Streamed(body.into()) })
}

pub(super) fn whole(response: Response<Bytes>) -> Answer {
    let (head, body) = response.into_parts();
    FunctionResponse::BufferedResponse(Whole {
        status_code: head.status.as_u16(),
        status_description: None,
        headers: texts(&head.headers),
        multi_value_headers: None,
        body: String::from_utf8_lossy(&body).into_owned(),
        is_base64_encoded: false,
    })
}

/// What the user of a chat behind a load balancer reads.
const NO_LOAD_BALANCER: &str = "This agent cannot be reached through an Application Load Balancer. \
    It can be reached through function URLs, REST APIs and HTTP APIs.";

/// What a load balancer is sent: it reads a refusal, and no failure of the function.
pub(super) fn load_balancer() -> Answer {
    let error = json!({ "code": "UNSUPPORTED_FRONT_DOOR", "message": NO_LOAD_BALANCER });
    let headers = [("cache-control", "no-store"), ("content-type", "application/json")];
    let headers: BTreeMap<String, String> =
        headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let many = headers.iter().map(|(name, value)| (name.clone(), [value.clone()])).collect();
    FunctionResponse::BufferedResponse(Whole {
        status_code: StatusCode::NOT_IMPLEMENTED.as_u16(),
        status_description: Some("501 Not Implemented"),
        headers,
        multi_value_headers: Some(many),
        body: json!({ "error": error }).to_string(),
        is_base64_encoded: false,
    })
}

/// None is ever repeated, and all are text.
fn texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// How many bytes a text takes in a string of JSON, as serde_json writes it.
fn bytes_in_json(text: &[u8]) -> usize {
    let bytes = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.iter().map(bytes).sum()
}

impl Stream for Streamed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = std::task::ready!(Pin::new(&mut self.0).poll_frame(cx));
        // An answer has no trailers, so the first would be its end.
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

    fn json_of(answer: Answer) -> Value {
        match answer {
            FunctionResponse::BufferedResponse(whole) => serde_json::to_value(whole).unwrap(),
            FunctionResponse::StreamingResponse(_) => panic!("a stream"),
        }
    }

    #[test]
    fn a_whole_answer_is_one_that_function_urls_and_apis_read_alike() {
        let response = Response::builder().status(201).header("content-type", "text/event-stream");
        let response = response.body(Bytes::from_static(b"data: {}\n\n")).unwrap();

        assert_eq!(
            json_of(whole(response)),
            json!({
                "statusCode": 201, "headers": {"content-type": "text/event-stream"},
                "body": "data: {}\n\n", "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn a_load_balancer_is_told_in_both_forms_that_it_may_read() {
        let answer = json_of(load_balancer());

        assert_eq!(
            (&answer["statusCode"], &answer["statusDescription"]),
            (&json!(501), &json!("501 Not Implemented"))
        );
        assert_eq!(answer["headers"]["content-type"], "application/json");
        assert_eq!(answer["multiValueHeaders"]["content-type"], json!(["application/json"]));
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["error"]["code"], "UNSUPPORTED_FRONT_DOOR");
        assert_eq!(body["error"]["message"], NO_LOAD_BALANCER);
        assert!(NO_LOAD_BALANCER.ends_with('.') && !NO_LOAD_BALANCER.contains('\n'));
    }

    #[test]
    fn a_text_weighs_what_it_takes_as_json() {
        for text in ["", "data: {\"a\":\"\\\\\"}\n\n", "é\u{2028}", "\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}"] {
            let quotes = 2;
            assert_eq!(
                bytes_in_json(text.as_bytes()) + quotes,
                serde_json::to_string(text).unwrap().len(),
                "{text:?}"
            );
        }
    }
}
