//! A request to the function: its event, the function's answer, and the faults that lie between.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::KEY_HEADER;
use super::caller::{CALLER_HEADER, Caller};
use super::refusal::{self, Refusal};
use super::session;
use super::shared::{Body, BrokenOff, Shared};
use crate::{Answer, EntryPoint, Function, Invocation, Payload};

/// Bears the id of the request, as AWS names it; the log lines of the request have the same.
const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// The user's own JWT.
const USER_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-user-token");

/// Hands a request to the function, and its answer back as it comes.
pub(super) async fn invoke(shared: &Shared, mut request: Request<Bytes>) -> Result<Response<Body>, Refusal> {
    if request.headers().contains_key(CALLER_HEADER) {
        let token = session::token(shared);
        shared.access.check_key_or_token(
            request.headers(),
            &shared.settings.token_header,
            token.as_deref(),
        )?;
    }
    let caller = Caller::take(request.headers_mut())?;
    if shared.faults.is_throttled() {
        let body = json!({ "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded." });
        return Ok(refusal::json(StatusCode::TOO_MANY_REQUESTS, &body));
    }
    let event = event(shared, request, &caller).await?;
    hand_over(shared, caller.entry_point, Payload::from(&event)).await
}

/// Hands an event to the function as it is, as Lambda's own API does.
pub(super) async fn invoke_event(shared: &Shared, event: Bytes) -> Result<Response<Body>, Refusal> {
    // Only a function that knows the local issuer can verify a JWT of it.
    let has_user_token = |event: &Value| {
        let headers = event["headers"].as_object();
        headers
            .is_some_and(|headers| headers.keys().any(|name| USER_TOKEN_HEADER == *name.to_ascii_lowercase()))
    };
    let entry_point = match serde_json::from_slice::<Value>(&event) {
        Ok(event) if has_user_token(&event) => EntryPoint::UserJwt,
        _ => EntryPoint::FunctionUrl,
    };
    hand_over(shared, entry_point, Payload::from(event)).await
}

async fn hand_over(
    shared: &Shared,
    entry_point: EntryPoint,
    event: Payload,
) -> Result<Response<Body>, Refusal> {
    let id = Uuid::new_v4().to_string();
    let invocation = Invocation {
        request_id: Some(id.clone()),
        deadline: shared.faults.deadline(),
        ..Invocation::default()
    };
    let function = shared.host.function(entry_point).await?;
    let answer = function.invoke_with(event, invocation).await?;
    let mut response = response(answer, function, shared.faults.cut_client());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, id);
    }
    Ok(response)
}

/// The event of a request by this caller. A caller with a JWT of their own gets one that the local issuer has signed.
pub(super) async fn event(
    shared: &Shared,
    mut request: Request<Bytes>,
    caller: &Caller,
) -> Result<Value, Refusal> {
    request.headers_mut().remove(KEY_HEADER);
    if let (EntryPoint::UserJwt, Some(claims)) = (caller.entry_point, &caller.claims) {
        let token = shared.host.sign(claims).await?;
        let token =
            HeaderValue::try_from(token).map_err(|_| Refusal::internal("the signed token is no header"))?;
        request.headers_mut().insert(USER_TOKEN_HEADER, token);
    }
    Ok(caller.entry_point.event(&request, caller.claims.as_ref()))
}

/// The answer as HTTP, broken off behind `cut_after` pieces. It keeps the function's process, which may have been replaced for
/// later requests, until its end.
fn response(answer: Answer, function: Arc<Function>, cut_after: Option<u64>) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = answer.headers().clone();
    let frames = stream::unfold((Some((answer, function)), cut_after), |(answer, left)| async move {
        let (mut answer, function) = answer?;
        if left == Some(0) {
            return Some((Err(BrokenOff), (None, left)));
        }
        match answer.next().await {
            Some(frame) => {
                Some((Ok(Frame::data(frame.bytes)), (Some((answer, function)), left.map(|left| left - 1))))
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
