//! Responses in one piece, for entry points that cannot stream.

use bytes::Bytes;
use http::{Request, Response};
use tracing::info;

use super::cors;
use super::rejection::Rejection;
use super::response_limit::ResponseLimit;
use super::service::Endpoint;

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Serves one request and returns the response when its body is complete. Use it in place of
    /// [`handle`](Self::handle) where a response cannot be streamed.
    ///
    /// A run is read to its end, without the comments that keep a stream alive. If a run leaves less than
    /// `limit.headroom` free, it is cancelled with the reason `MAX_RESPONSE_BYTES`. If the body is longer than
    /// `limit.max_bytes` all the same, for example because a single event is, the response is the error
    /// `RESPONSE_TOO_LARGE` with status 500 instead.
    pub async fn handle_buffered(&self, request: Request<Bytes>, limit: &ResponseLimit) -> Response<Bytes> {
        let (head, body) = self.handle(request).await.into_parts();
        match body.read_to_end(limit).await {
            Some(bytes) => Response::from_parts(head, bytes),
            None => {
                let rejection = Rejection::ResponseTooLarge { limit: limit.max_bytes };
                let (status, code) = (rejection.status().as_u16(), rejection.code());
                info!(status, code, "the response is too long and was not sent");
                let (mut refused, body) = rejection.into_response(None).into_parts();
                cors::copy_headers(&head.headers, &mut refused.headers);
                Response::from_parts(refused, body.read_to_end(limit).await.unwrap_or_default())
            }
        }
    }
}
