//! A request to the function: its event, the function's answer, and the faults that lie between.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::KEY_HEADER;
use super::caller::{CALLER_HEADER, Caller};
use super::refusal::{self, Refusal};
use super::session;
use super::shared::Shared;
use crate::http_answer::{self, Body};
use crate::{EntryPoint, Invocation, Payload};

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
    // The process may be replaced for later requests; this answer keeps it until its end.
    let mut response = http_answer::response(answer, shared.faults.cut_client(), function);
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
