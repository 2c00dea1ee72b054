//! Serves requests: checks each one in a fixed order, and starts the run of one that passes.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use serde_json::json;
use tokio::time::Instant;
use tower_service::Service;
use tracing::{Instrument as _, info, info_span, warn};

use super::body::{ResponseBody, json_response};
use super::extensions::{RunDeadline, Tenant};
use super::hints::{self, DeveloperHints, RejectedRequest};
use super::rejection::{ForbiddenReason, Rejection};
use super::routes::Route;
use crate::agent::{Agent, RunRequest};
use crate::auth::{Authenticated, Authenticator, Claims, Forbidden, Principal, PrincipalClaims};
use crate::log_events::REQUEST_REFUSED;
use crate::protocol::{RunAgentInput, sse};

/// The custom capability that lists all tools with whether the caller is offered them, for developers.
const TOOL_ACCESS: &str = "ag_ui_lambda.tools";

/// The most JSON Pointers of left-out parts that one log line holds.
const MAX_LOGGED_POINTERS: usize = 8;

/// Serves an agent over HTTP: a tower [`Service`] from requests to responses. Cheap to clone.
///
/// Build one with [`Endpoint::builder`]. The code in front of it passes on what it knows in the extensions of a request:
/// [`Claims`] that are proven, a [`RunDeadline`], a [`Tenant`]. The endpoint takes nothing of a request's headers, query or
/// body as a caller's identity, except for a user's token that it verifies itself.
pub struct Endpoint<C> {
    pub(super) inner: Arc<Inner<C>>,
}

/// The application's function that turns proven claims into a caller, or forbids them to use the agent.
pub(super) type CallerMapping<C> = dyn Fn(&Claims) -> Result<C, Forbidden> + Send + Sync;

/// What all clones of an endpoint share.
pub(super) struct Inner<C> {
    pub(super) agent: Agent<C>,
    pub(super) authenticator: Authenticator,
    pub(super) caller: Box<CallerMapping<C>>,
    /// The claims that approvals are bound to.
    pub(super) principal_claims: PrincipalClaims,
    /// The path of runs, beside `/`.
    pub(super) run_path: String,
    /// The largest body of a request.
    pub(super) max_body_bytes: usize,
    /// The longest time that a stream is silent.
    pub(super) keep_alive: Duration,
    /// What is added to rejections for a developer; `None` outside of local work.
    pub(super) hints: Option<DeveloperHints>,
}

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Fetches what the first request will need: secrets, the issuer's keys, the model's connection.
    ///
    /// Calling it is optional, and failures are not reported: a request fetches what is still missing. Poll the
    /// future beside the loop that takes requests. It may be dropped before it has ended.
    pub async fn warm_up(&self) {
        futures_util::future::join(self.inner.authenticator.warm_up(), self.inner.agent.warm_up()).await;
    }

    /// Serves one request, and returns the response as soon as its status is known.
    ///
    /// A rejected request gets a JSON body with a code and a sentence for the user. A request that passes all checks
    /// gets the status 200, and its body is the stream of the run's events. A failure after that is an event in the
    /// stream.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<ResponseBody> {
        let received = Instant::now();
        let (head, body) = request.into_parts();
        self.inner.serve(&head, &body, received).await.unwrap_or_else(|rejection| {
            let (status, code) = (rejection.status().as_u16(), rejection.code());
            info!(status, code, reason = rejection.reason_for_log(), "{REQUEST_REFUSED}");
            let hint = self.inner.hint(&rejection, &head, &body);
            rejection.into_response(hint)
        })
    }
}

impl<C: Send + Sync + 'static> Inner<C> {
    /// Finds the route of a request and serves it. `head` is the request without its body. `received` is when the
    /// request arrived; the log measures the durations of the run from then.
    ///
    /// # Errors
    /// The [`Rejection`] that [`Endpoint::handle`] turns into a response.
    async fn serve(
        &self,
        head: &Parts,
        body: &Bytes,
        received: Instant,
    ) -> Result<Response<ResponseBody>, Rejection> {
        match Route::find(&head.method, head.uri.path(), &self.run_path)? {
            Route::Health => Ok(json_response(StatusCode::OK, &json!({ "status": "ok" }))),
            Route::Capabilities => self.serve_capabilities(head).await,
            Route::Run => self.serve_run(head, body, received).await,
        }
    }

    /// Serves `GET /capabilities`: authenticates the caller, and returns what the agent offers to this caller as
    /// JSON. With developer hints it also lists all tools, each with whether the caller is offered the tool.
    async fn serve_capabilities(&self, head: &Parts) -> Result<Response<ResponseBody>, Rejection> {
        let authenticated = self.authenticator.authenticate(head).await?;
        let (caller, principal) = self.resolve_caller(&authenticated, head)?;
        let mut capabilities = self.agent.capabilities(&caller, principal.as_ref());
        if self.hints.is_some() {
            let access = self.agent.tool_access(&caller, principal.as_ref());
            capabilities.custom.get_or_insert_default().insert(TOOL_ACCESS.into(), access);
        }
        Ok(json_response(StatusCode::OK, &capabilities))
    }

    /// Serves a `POST` that asks for a run: checks the request, starts the run, and returns the response that streams
    /// its events. `head` is the request without its body, `received` is when it arrived.
    ///
    /// The order of the checks is part of the contract: the body is not looked at before the caller is authenticated.
    async fn serve_run(
        &self,
        head: &Parts,
        body: &Bytes,
        received: Instant,
    ) -> Result<Response<ResponseBody>, Rejection> {
        let authenticated = self.authenticator.authenticate(head).await?;
        self.check_body(head, body)?;
        let (caller, principal) = self.resolve_caller(&authenticated, head)?;
        let input = self.read_input(body)?;
        let span =
            info_span!("run", thread_id = input.thread_id.loggable(), run_id = input.run_id.loggable());
        let deadline = head.extensions.get().map(|RunDeadline(deadline)| *deadline);
        let request =
            RunRequest::new(caller, input).principal(principal).deadline(deadline).received_at(received);
        let run = self.agent.run(request);
        let events = run.instrument(span.clone()).await?;
        let mut response = Response::new(ResponseBody::run(events, self.keep_alive, span));
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, sse::MEDIA_TYPE),
            (header::CACHE_CONTROL, "no-cache, no-transform"),
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
        ] {
            headers.insert(name, header::HeaderValue::from_static(value));
        }
        Ok(response)
    }

    /// Checks that the body is declared as `application/json` and is not longer than the limit. Its content is not
    /// read.
    ///
    /// # Errors
    /// [`Rejection::UnsupportedMediaType`] or [`Rejection::BodyTooLarge`].
    fn check_body(&self, head: &Parts, body: &Bytes) -> Result<(), Rejection> {
        let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|media_type| media_type.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(Rejection::UnsupportedMediaType);
        }
        if body.len() > self.max_body_bytes {
            return Err(Rejection::BodyTooLarge { bytes: body.len(), limit: self.max_body_bytes });
        }
        Ok(())
    }

    /// Turns the proven claims into the application's caller, which tools get, and the [`Principal`], which approvals
    /// are bound to. The principal is `None` if the claims do not identify a single user.
    ///
    /// # Errors
    /// [`Rejection::Forbidden`] if two proofs contradict each other, if the caller's organisation is not the
    /// [`Tenant`] in the extensions of the request, or if the application's function refuses the claims.
    fn resolve_caller(
        &self,
        authenticated: &Authenticated,
        head: &Parts,
    ) -> Result<(C, Option<Principal>), Rejection> {
        let claims = authenticated.claims().map_err(|conflict| {
            warn!("{conflict}");
            Rejection::Forbidden(ForbiddenReason::ConflictingProofs)
        })?;
        if let Some(Tenant(tenant)) = head.extensions.get()
            && claims.text(&self.principal_claims.org) != Some(tenant)
        {
            warn!("the caller does not belong to the tenant that this environment serves");
            return Err(Rejection::Forbidden(ForbiddenReason::OtherTenant));
        }
        let caller = (self.caller)(claims)
            .map_err(|Forbidden| Rejection::Forbidden(ForbiddenReason::Claims(Box::new(claims.clone()))))?;
        Ok((caller, Principal::of(claims, &self.principal_claims)))
    }

    /// Parses the body as the input of a run. Parts that AG-UI 1.0 does not define are left out, and a warning with
    /// their number and their places is logged.
    ///
    /// # Errors
    /// [`Rejection::BadJson`], [`Rejection::BadInput`], or [`Rejection::UnsupportedProtocolVersion`] for another
    /// major version.
    fn read_input(&self, body: &[u8]) -> Result<RunAgentInput, Rejection> {
        let received = RunAgentInput::read(crate::json::read(body)?)?;
        if received.input.is_other_major() {
            return Err(Rejection::UnsupportedProtocolVersion);
        }
        if !received.dropped.is_empty() || received.unknown_members > 0 {
            // The pointers hold only names of the protocol and numbers, and nothing that the client wrote.
            let pointers = received.dropped.iter().take(MAX_LOGGED_POINTERS).map(String::as_str);
            let dropped = pointers.collect::<Vec<_>>().join(" ");
            let (elements, members) = (received.dropped.len(), received.unknown_members);
            let hint = self.hints.is_some().then(|| hints::misspelt_names(body)).flatten();
            warn!(
                elements,
                members, dropped, hint, "input has parts that AG-UI 1.0 does not know; they are left out"
            );
        }
        Ok(received.input)
    }

    /// Returns the hint for the developer whose request was rejected. `None` if hints are off or there is nothing to
    /// add to the rejection.
    fn hint(&self, rejection: &Rejection, head: &Parts, body: &Bytes) -> Option<String> {
        let token_header = &self.authenticator.token_header;
        let request = RejectedRequest { head, body, token_header, run_path: &self.run_path };
        hints::hint_for(self.hints.as_ref()?, rejection, &request)
    }
}

impl<C: Send + Sync + 'static> Service<Request<Bytes>> for Endpoint<C> {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    /// An endpoint is always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// Serves one request with [`Endpoint::handle`]. It never fails.
    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let endpoint = self.clone();
        async move { Ok(endpoint.handle(request).await) }.boxed()
    }
}

impl<C> Clone for Endpoint<C> {
    /// The clone shares everything with the original.
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C> fmt::Debug for Endpoint<C> {
    /// Prints only the path of runs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("run_path", &self.inner.run_path).finish_non_exhaustive()
    }
}
