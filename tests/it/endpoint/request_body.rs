//! Bodies that an endpoint reads itself, as a tower service: frame by frame, and never more than it needs.

use std::collections::VecDeque;
use std::io::Cursor;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use ag_ui_lambda::endpoint::Endpoint;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use tower_service::Service as _;

use crate::support::endpoint::{TestRequest, TestResponse, endpoint, run_request};
use crate::support::event_order;
use crate::support::scenario::Caller;
use crate::support::sse::events;

/// A body of another type of data and of error than the endpoint's own, which counts how many of its frames were read.
struct Frames {
    left: VecDeque<Result<Vec<u8>, &'static str>>,
    read: Arc<AtomicUsize>,
    /// The length that the body announces.
    length: Option<u64>,
}

impl Body for Frames {
    type Data = Cursor<Vec<u8>>;
    type Error = &'static str;

    /// Returns the next frame.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let next = self.left.pop_front();
        self.read.fetch_add(usize::from(next.is_some()), Ordering::Relaxed);
        Poll::Ready(next.map(|frame| frame.map(|bytes| Frame::data(Cursor::new(bytes)))))
    }

    /// Returns the announced length.
    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Sends a request with these frames as its body, and returns the response and how many of the frames were read.
async fn send(
    endpoint: &mut Endpoint<Caller>,
    request: TestRequest,
    frames: impl IntoIterator<Item = Result<Vec<u8>, &'static str>>,
    length: Option<u64>,
) -> (TestResponse, usize) {
    let read = Arc::new(AtomicUsize::new(0));
    let frames = Frames { left: frames.into_iter().collect(), read: Arc::clone(&read), length };
    let request: Request<Frames> = request.build().map(|_| frames);
    let Ok(response) = endpoint.call(request).await;
    (TestResponse::read(response).await, read.load(Ordering::Relaxed))
}

/// Cuts text into frames of at most this many bytes.
fn cut(text: &str, bytes: usize) -> Vec<Result<Vec<u8>, &'static str>> {
    text.as_bytes().chunks(bytes).map(|piece| Ok(piece.to_vec())).collect()
}

#[tokio::test]
async fn body_in_many_frames_is_one_input() {
    let mut endpoint = endpoint().build().unwrap();
    let input = run_request().input.to_string();
    for bytes in [1, 7, input.len() - 1, input.len()] {
        let (answer, _) = send(&mut endpoint, run_request(), cut(&input, bytes), None).await;

        assert_eq!(answer.status, 200, "frames of {bytes} bytes: {}", answer.text);
        assert_eq!(event_order::check(&events(&answer.text)), Ok(()));
    }
}

#[tokio::test]
async fn body_is_read_up_to_the_limit_only() {
    let input = run_request().input.to_string();
    let mut endpoint = endpoint().max_body_bytes(input.len()).build().unwrap();
    let longer = |by: usize| format!("{input}{}", " ".repeat(by));
    for (why, body, length, expected) in [
        ("exactly the limit", longer(0), None, (200, 4)),
        ("exactly the limit, as announced", longer(0), Some(input.len()), (200, 4)),
        ("one byte more", longer(1), None, (413, 5)),
        ("much more: the rest is not read", longer(10 * input.len()), None, (413, 5)),
        ("more, as announced: nothing is read", longer(1), Some(input.len() + 1), (413, 0)),
    ] {
        let piece = input.len().div_ceil(4);
        let mut frames = cut(&input, piece);
        frames.extend(cut(&body[input.len()..], piece));
        let length = length.map(|length| length as u64);
        let (answer, read) = send(&mut endpoint, run_request(), frames, length).await;

        assert_eq!((answer.status, read), expected, "{why}: {}", answer.text);
        assert!(answer.status == 200 || answer.code() == "BODY_TOO_LARGE", "{why}: {}", answer.text);
    }
}

#[tokio::test]
async fn refused_request_leaves_its_body_unread() {
    let mut endpoint = endpoint().build().unwrap();
    for (status, request) in [
        (401, run_request().without_header("x-agui-token")),
        (404, run_request().route("POST", "/elsewhere")),
        (405, run_request().route("PUT", "/")),
        (415, run_request().header("content-type", "text/plain")),
    ] {
        let input = request.input.to_string();
        let (answer, read) = send(&mut endpoint, request, cut(&input, 10), None).await;

        assert_eq!((answer.status, read), (status, 0), "{}", answer.text);
    }
}

#[tokio::test]
async fn body_that_breaks_off_starts_no_run() {
    let mut endpoint = endpoint().build().unwrap();
    // What came before the error would be a valid input.
    let mut frames = cut(&run_request().input.to_string(), 100);
    frames.push(Err("the connection was closed"));
    let (answer, _) = send(&mut endpoint, run_request(), frames, None).await;

    assert_eq!((answer.status, answer.code().as_str()), (400, "BODY_UNREADABLE"));
    assert!(!answer.text.contains("connection"), "{}", answer.text);
}
