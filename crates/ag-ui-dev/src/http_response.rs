//! Turns the response of a function into an HTTP response, which is streamed while the function writes it.

use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};

use crate::FunctionResponse;

/// The error that makes hyper break a response off, because the function has broken it off or a fault demands it.
#[derive(Debug, thiserror::Error)]
#[error("the response was broken off")]
pub(crate) struct BrokenOffError;

/// The body of an HTTP response.
pub(crate) type Body = UnsyncBoxBody<Bytes, BrokenOffError>;

/// Turns the response of a function, while the function still writes it, into an HTTP response.
///
/// If `cut_after` is given, the response breaks off after this many chunks of the body. `guard` is dropped when the
/// response ends: a caller puts in it what has to live until then.
pub(crate) fn to_response(
    source: FunctionResponse,
    cut_after: Option<u64>,
    guard: impl Send + 'static,
) -> Response<Body> {
    let status = StatusCode::from_u16(source.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = source.headers().clone();
    let frames = stream::unfold((Some((source, guard)), cut_after), |(source, left)| async move {
        let (mut source, guard) = source?;
        if left == Some(0) {
            return Some((Err(BrokenOffError), (None, left)));
        }
        match source.next_chunk().await {
            Some(chunk) => {
                Some((Ok(Frame::data(chunk.bytes)), (Some((source, guard)), left.map(|left| left - 1))))
            }
            None if source.is_truncated() => Some((Err(BrokenOffError), (None, left))),
            None => None,
        }
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
