//! Whole answers, for front doors that take no stream.

use bytes::Bytes;
use http::{Request, Response};
use tracing::info;

use super::Endpoint;
use super::reject::Reject;
use super::room::Room;

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Answers one request when the answer is complete: a run is read to its end, without the comments that fill
    /// silences in a stream.
    ///
    /// A run that leaves no more than the reserve is stopped and ends as cancelled, `MAX_RESPONSE_BYTES`. What is still too
    /// long then, such as one event that is longer than the room, is refused as `RESPONSE_TOO_LARGE`.
    pub async fn handle_whole(&self, request: Request<Bytes>, room: &Room) -> Response<Bytes> {
        let (head, body) = self.handle(request).await.into_parts();
        match body.read(room).await {
            Some(bytes) => Response::from_parts(head, bytes),
            None => {
                let reject = Reject::ResponseTooLarge { limit: room.limit };
                info!(status = reject.status().as_u16(), code = reject.code(), "answer withheld");
                let (head, body) = reject.into_response(None).into_parts();
                Response::from_parts(head, body.read(room).await.unwrap_or_default())
            }
        }
    }
}
