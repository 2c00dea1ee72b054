//! A function's answer as an HTTP response, streamed as the function writes it.

use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};

use crate::Answer;

/// The function, or the server before it, broke its answer off.
#[derive(Debug, thiserror::Error)]
#[error("the answer was broken off")]
pub(crate) struct BrokenOff;

/// The body of such a response.
pub(crate) type Body = UnsyncBoxBody<Bytes, BrokenOff>;

/// The response to an answer, broken off behind `cut_after` pieces. It keeps `kept` until its end.
pub(crate) fn response(answer: Answer, cut_after: Option<u64>, kept: impl Send + 'static) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = answer.headers().clone();
    let frames = stream::unfold((Some((answer, kept)), cut_after), |(answer, left)| async move {
        let (mut answer, kept) = answer?;
        if left == Some(0) {
            return Some((Err(BrokenOff), (None, left)));
        }
        match answer.next().await {
            Some(frame) => {
                Some((Ok(Frame::data(frame.bytes)), (Some((answer, kept)), left.map(|left| left - 1))))
            }
            None if answer.is_truncated() => Some((Err(BrokenOff), (None, left))),
            None => None,
        }
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
