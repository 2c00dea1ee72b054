//! Passes a request on to the function: makes its event, applies faults, and returns the function's response.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::KEY_HEADER;
use super::caller::{CALLER_HEADER, Caller};
use super::error_response::{self, ErrorResponse};
use super::host::TOKEN_TTL_S;
use super::server_state::ServerState;
use super::session;
use crate::http_response::{self, Body};
use crate::{EntryPoint, Invocation, Payload};

/// The header with the id of the request, as AWS names it. The log lines of the request have the same id.
const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// The header with the user's own JWT.
const USER_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-user-token");

/// Makes the Lambda event of an HTTP request, sends it to the function, and streams the function's response back.
///
/// # Errors
/// [`ErrorResponse`] if the request chooses its caller and has neither the key nor the shared token, if the caller cannot
/// be read, or if the function fails.
pub(super) async fn invoke(
    state: &ServerState,
    mut request: Request<Bytes>,
) -> Result<Response<Body>, ErrorResponse> {
    let is_chosen = request.headers().contains_key(CALLER_HEADER);
    if is_chosen {
        let token = session::token(state);
        state.access.check_key_or_token(request.headers(), &state.settings.token_header, token.as_deref())?;
    }
    let has_user_token = request.headers().contains_key(USER_TOKEN_HEADER);
    let mut caller = Caller::take(request.headers_mut())?;
    if !is_chosen {
        caller.entry_point = entry_point(state, has_user_token);
    }
    if state.faults.is_throttled() {
        let body = json!({ "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded." });
        return Ok(error_response::json(StatusCode::TOO_MANY_REQUESTS, &body));
    }
    let event = event(state, request, &caller).await?;
    send_event(state, caller.entry_point, Payload::from(&event)).await
}

/// Sends a Lambda event to the function without a change, as the Invoke API of Lambda does, and streams the response back.
pub(super) async fn invoke_event(state: &ServerState, event: Bytes) -> Result<Response<Body>, ErrorResponse> {
    let has_user_token = |event: Value| {
        let headers = event["headers"].as_object();
        headers
            .is_some_and(|headers| headers.keys().any(|name| USER_TOKEN_HEADER == *name.to_ascii_lowercase()))
    };
    let has_user_token = serde_json::from_slice(&event).is_ok_and(has_user_token);
    send_event(state, entry_point(state, has_user_token), Payload::from(event)).await
}

/// Returns the entry point of a request that chooses none. Only the process that knows the local issuer can verify its JWTs,
/// and only the other one those of an issuer in the function's own settings.
fn entry_point(state: &ServerState, has_user_token: bool) -> EntryPoint {
    match has_user_token && !state.settings.has_own_issuer {
        true => EntryPoint::UserJwt,
        false => EntryPoint::FunctionUrl,
    }
}

/// Sends an event to the function's process for this entry point, and turns its response into an HTTP response. It applies
/// the faults that set a deadline or cut the response.
async fn send_event(
    state: &ServerState,
    entry_point: EntryPoint,
    event: Payload,
) -> Result<Response<Body>, ErrorResponse> {
    let id = Uuid::new_v4().to_string();
    let invocation = Invocation {
        request_id: Some(id.clone()),
        deadline: state.faults.deadline(),
        ..Invocation::default()
    };
    let function = state.host.function(entry_point).await?;
    let response = function.invoke_with(event, invocation).await?;
    // The process may be replaced for later requests; this response keeps it until its end.
    let mut response = http_response::to_response(response, state.faults.cut_client(), function);
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, id);
    }
    Ok(response)
}

/// Makes the Lambda event of an HTTP request by `caller`. If the caller's entry point is the one with the user's JWT, the
/// local issuer signs a token with the caller's claims, which is added to the headers. The page also asks for this
/// event without sending it to the function.
pub(super) async fn event(
    state: &ServerState,
    mut request: Request<Bytes>,
    caller: &Caller,
) -> Result<Value, ErrorResponse> {
    request.headers_mut().remove(KEY_HEADER);
    if let (EntryPoint::UserJwt, Some(claims)) = (caller.entry_point, &caller.claims) {
        let token = state.host.sign(claims, TOKEN_TTL_S).await?;
        let token = HeaderValue::try_from(token)
            .map_err(|_| ErrorResponse::internal("the signed token is not a valid header value"))?;
        request.headers_mut().insert(USER_TOKEN_HEADER, token);
    }
    Ok(caller.entry_point.event(&request, caller.claims.as_ref()))
}
