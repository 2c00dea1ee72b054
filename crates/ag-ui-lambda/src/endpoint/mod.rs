//! The front door without any cloud's name: an HTTP request in, a stream of events or a refusal out.
//!
//! Everything that can be refused is refused here, with a real status, before the first byte of a stream.
//! After that nothing is an error: a run ends in an event. The order of the refusals is part of the contract,
//! and nothing of the body is looked at before the caller is authenticated.

mod auth;
mod body;
mod build;
mod claims;
mod hints;
mod reject;
mod room;
mod token;
#[cfg(feature = "jwt")]
mod user_token;
mod whole;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use tokio::time::Instant;
use tower_service::Service;
use tracing::{Instrument as _, info, info_span, warn};

use crate::agent::Agent;
use crate::approval::Identity;
use crate::protocol::{RunAgentInput, sse};
use auth::{Auth, Authenticated};
pub use auth::{AuthMode, UserTokenError, VerifyUser};
pub use body::ResponseBody;
use body::json;
pub use build::{EndpointBuilder, EndpointError};
#[cfg(feature = "lambda")]
pub(crate) use build::{KEEP_ALIVE, MAX_BODY_BYTES, RUN_PATH, TOKEN_HEADER, is_run_path};
pub use claims::{ClaimSource, Claims, Forbidden, IdentityClaims};
pub use hints::DeveloperHints;
use hints::Refused;
use reject::{ForbiddenBy, Reject};
pub use room::Room;
pub use token::{SharedToken, TokenFault, Unavailable};
#[cfg(feature = "jwt")]
pub use user_token::{Algorithm, UnknownAlgorithm, UnsafeKeys, UserTokenConfig, UserTokens};

/// Name of the list, among the custom capabilities, of all tools and whether the caller is offered them.
const TOOL_ACCESS: &str = "ag_ui_lambda.tools";

/// When the run of a request must have ended at the latest: an extension of the request, from whoever knows.
#[derive(Debug, Clone, Copy)]
pub struct RunDeadline(pub Instant);

/// The tenant that this environment is kept apart for: an extension of the request, from whoever knows. Callers of
/// another organisation are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant(pub String);

/// Serves an agent over HTTP: a tower service from requests to responses. Cheap to clone.
///
/// Claims that the edge has proven come as an extension of the type [`Claims`], the deadline as
/// [`RunDeadline`], the environment's tenant as [`Tenant`]. No header, query or body is ever read as identity, but for the user's token where its
/// verification is set up.
pub struct Endpoint<C> {
    inner: Arc<Inner<C>>,
}

type Mapping<C> = dyn Fn(&Claims) -> Result<C, Forbidden> + Send + Sync;

struct Inner<C> {
    agent: Agent<C>,
    auth: Auth,
    caller: Box<Mapping<C>>,
    identity: IdentityClaims,
    run_path: String,
    max_body_bytes: usize,
    keep_alive: Duration,
    hints: Option<DeveloperHints>,
}

/// What a path serves.
enum Route {
    Run,
    Capabilities,
    Health,
}

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Begins to fetch what the first request will need. Nothing waits for it, and it cannot fail.
    pub async fn warm(&self) {
        futures_util::future::join(self.inner.auth.warm(), self.inner.agent.warm()).await;
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<ResponseBody> {
        let received = Instant::now();
        let (head, body) = request.into_parts();
        self.inner.answer(&head, &body, received).await.unwrap_or_else(|reject| {
            let (status, code) = (reject.status().as_u16(), reject.code());
            info!(status, code, reason = reject.reason_for_log(), "request refused");
            let hint = self.inner.hint(&reject, &head, &body);
            reject.into_response(hint)
        })
    }
}

impl<C: Send + Sync + 'static> Inner<C> {
    async fn answer(
        &self,
        head: &Parts,
        body: &Bytes,
        received: Instant,
    ) -> Result<Response<ResponseBody>, Reject> {
        match self.route(head.uri.path(), &head.method)? {
            Route::Health => Ok(json(StatusCode::OK, &serde_json::json!({ "status": "ok" }))),
            Route::Capabilities => {
                let authenticated = self.auth.check(head).await?;
                let (caller, identity) = self.who(&authenticated, head)?;
                let mut capabilities = self.agent.capabilities(&caller, identity.as_ref());
                if self.hints.is_some() {
                    let access = self.agent.tool_access(&caller, identity.as_ref());
                    capabilities.custom.get_or_insert_default().insert(TOOL_ACCESS.into(), access);
                }
                Ok(json(StatusCode::OK, &capabilities))
            }
            Route::Run => {
                let authenticated = self.auth.check(head).await?;
                self.check_body(head, body)?;
                let (caller, identity) = self.who(&authenticated, head)?;
                let input = self.read(body)?;
                self.run(received, caller, identity, input, head.extensions.get().copied()).await
            }
        }
    }

    fn route(&self, path: &str, method: &Method) -> Result<Route, Reject> {
        let (route, allowed) = match path {
            "/capabilities" => (Route::Capabilities, Method::GET),
            "/health" => (Route::Health, Method::GET),
            path if path == "/" || path == self.run_path => (Route::Run, Method::POST),
            _ => return Err(Reject::NotFound),
        };
        if method == allowed { Ok(route) } else { Err(Reject::MethodNotAllowed { allowed }) }
    }

    fn check_body(&self, head: &Parts, body: &Bytes) -> Result<(), Reject> {
        let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|media_type| media_type.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(Reject::UnsupportedMediaType);
        }
        if body.len() > self.max_body_bytes {
            return Err(Reject::BodyTooLarge { bytes: body.len(), limit: self.max_body_bytes });
        }
        Ok(())
    }

    /// Who calls: for the tools, as the application sees it; and for approvals, as it was proven.
    fn who(&self, authenticated: &Authenticated, head: &Parts) -> Result<(C, Option<Identity>), Reject> {
        let claims = authenticated.claims()?;
        if let Some(Tenant(tenant)) = head.extensions.get()
            && claims.text(&self.identity.org) != Some(tenant)
        {
            warn!("the caller is not of the tenant that this environment is for");
            return Err(Reject::Forbidden(ForbiddenBy::Tenant));
        }
        let caller = (self.caller)(claims)
            .map_err(|Forbidden| Reject::Forbidden(ForbiddenBy::Mapping(Box::new(claims.clone()))))?;
        Ok((caller, claims.identity(&self.identity)))
    }

    /// What a developer reads beside a refusal, where there is one to read it.
    fn hint(&self, reject: &Reject, head: &Parts, body: &Bytes) -> Option<String> {
        let token_header = &self.auth.token_header;
        let refused = Refused { head, body, token_header, run_path: &self.run_path };
        self.hints.as_ref()?.of(reject, &refused)
    }

    fn read(&self, body: &[u8]) -> Result<RunAgentInput, Reject> {
        let received = RunAgentInput::read(crate::json::read(body)?)?;
        if received.input.is_other_major() {
            return Err(Reject::UnsupportedProtocolVersion);
        }
        if !received.dropped.is_empty() || received.unknown_members > 0 {
            // Pointers hold the protocol's own names and numbers only; a few say enough.
            let dropped = received.dropped.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(" ");
            let (elements, members) = (received.dropped.len(), received.unknown_members);
            let hint = self.hints.is_some().then(|| hints::misspelt(body)).flatten();
            warn!(
                elements,
                members, dropped, hint, "input has parts that AG-UI 1.0 does not know; they are left out"
            );
        }
        Ok(received.input)
    }

    async fn run(
        &self,
        received: Instant,
        caller: C,
        identity: Option<Identity>,
        input: RunAgentInput,
        deadline: Option<RunDeadline>,
    ) -> Result<Response<ResponseBody>, Reject> {
        let span =
            info_span!("run", thread_id = input.thread_id.loggable(), run_id = input.run_id.loggable());
        let deadline = deadline.map(|deadline| deadline.0);
        let run = self.agent.run_received(received, caller, identity, input, deadline);
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
}

impl<C: Send + Sync + 'static> Service<Request<Bytes>> for Endpoint<C> {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let endpoint = self.clone();
        async move { Ok(endpoint.handle(request).await) }.boxed()
    }
}

impl<C> Clone for Endpoint<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C> std::fmt::Debug for Endpoint<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("run_path", &self.inner.run_path).finish_non_exhaustive()
    }
}
