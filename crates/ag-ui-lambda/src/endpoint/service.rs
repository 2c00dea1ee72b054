//! Serves requests: checks each one in a fixed order, and starts the run of one that passes.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::Full;
use serde_json::json;
use tokio::time::Instant;
use tower_service::Service;
use tracing::{Instrument as _, Span, error, info, info_span, warn};

use super::admission::{self, Admission, Admit};
use super::body::{ResponseBody, json_response};
use super::cors::CorsOrigins;
use super::extensions::{RunDeadline, SourceAddress, Tenant};
use super::hints::{self, DeveloperHints, RejectedRequest};
use super::mapping::CallerMapping;
use super::rejection::{ForbiddenReason, Rejection};
use super::reports::{AfterRun, ReportQueue};
use super::request_body::RequestBody;
use super::routes::{Route, Routes};
use crate::agent::{Agent, PreparedRun, ReportTo, RunRequest};
use crate::auth::{Authenticated, Authenticator, Claims, Forbidden, Principal, PrincipalClaims};
use crate::budget::{Budgets, RunBudget};
use crate::log_events::REQUEST_REFUSED;
use crate::protocol::{InputLimits, RunAgentInput, sse};

/// The custom capability that lists all tools with whether the caller is offered them, for developers.
const TOOL_ACCESS: &str = "ag_ui_lambda.tools";

/// The most JSON Pointers of left-out parts that one log line holds.
const MAX_LOGGED_POINTERS: usize = 8;

/// Serves an agent over HTTP: a tower [`Service`] from requests to responses. Cheap to clone.
///
/// Build one with [`Endpoint::builder`]. The code in front of it passes on what it knows in the extensions of a request:
/// [`Claims`] that are proven, a [`RunDeadline`], a [`Tenant`]. The endpoint takes nothing of a request's headers, query or
/// body as a caller's identity, except for a user's token that it verifies itself.
///
/// In an axum application, `Router::nest_service("/agent", endpoint)` mounts it. An application with sessions of its own
/// inserts [`Claims::from_session`] into the extensions, and requires [`AuthMode::Authorizer`](crate::auth::AuthMode).
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::auth::SharedToken;
/// use ag_ui_lambda::protocol::RunAgentInput;
/// use ag_ui_lambda::{Agent, Endpoint, demo};
/// use http::Request;
/// use http_body_util::BodyExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = Agent::builder(demo(Duration::ZERO)).build()?;
/// let endpoint = Endpoint::builder(agent, |_| Ok(()))
///     .token(SharedToken::literal("a-token-for-tests".into())?)
///     .build()?;
///
/// let input = RunAgentInput::new("thread-1", "run-1", Vec::new());
/// let request = Request::post("/")
///     .header("x-agui-token", "a-token-for-tests")
///     .header("content-type", "application/json")
///     .body(serde_json::to_vec(&input)?.into())?;
/// let response = endpoint.handle(request).await;
///
/// assert_eq!(response.status(), 200);
/// let stream = response.into_body().collect().await?.to_bytes();
/// assert!(stream.starts_with(br#"data: {"type":"RUN_STARTED""#));
/// # Ok(())
/// # }
/// ```
pub struct Endpoint<C> {
    pub(super) inner: Arc<Inner<C>>,
}

/// What is known about a request, for the log.
struct Received {
    /// When the request arrived.
    at: Instant,
    /// The name that the log has for the caller, as soon as the caller is authenticated.
    caller_name: OnceLock<String>,
}

/// What all clones of an endpoint share.
pub(super) struct Inner<C> {
    /// The agents and their paths.
    pub(super) routes: Routes<C>,
    pub(super) authenticator: Authenticator,
    pub(super) caller: Box<CallerMapping<C>>,
    /// Decides about each run that passes all other checks; `None` if every such run starts.
    pub(super) admit: Option<Box<Admit<C>>>,
    /// Gets the report of each run that has ended; `None` if the application wants none.
    pub(super) after_run: Option<Arc<AfterRun<C>>>,
    /// How much users and organisations may use; `None` if nobody has a budget.
    pub(super) budgets: Option<Budgets>,
    /// The reports that nobody awaits at the moment, and the settlements.
    pub(super) reports: Arc<ReportQueue>,
    /// The claims that approvals are bound to.
    pub(super) principal_claims: PrincipalClaims,
    /// The largest body of a request.
    pub(super) max_body_bytes: usize,
    /// How much the input of a run may hold.
    pub(super) input_limits: InputLimits,
    /// The longest time that a stream is silent.
    pub(super) keep_alive: Duration,
    /// The origins whose pages may call the endpoint.
    pub(super) cors: CorsOrigins,
    /// What is added to rejections for a developer; `None` outside of local work.
    pub(super) hints: Option<DeveloperHints>,
}

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Fetches what the first request will need: secrets, the issuer's keys, the model's connection.
    ///
    /// Calling it is optional, and failures are not reported: a request fetches what is still missing. Poll the
    /// future beside the loop that takes requests. It may be dropped before it has ended.
    pub async fn warm_up(&self) {
        let agents = futures_util::future::join_all(self.inner.routes.agents().map(Agent::warm_up));
        futures_util::future::join(self.inner.authenticator.warm_up(), agents).await;
    }

    /// Waits until the application has every report of the runs that have ended, and until their budgets are settled; for each
    /// at most a second. Reports are the calls of the function that [`after_run`](super::EndpointBuilder::after_run) sets.
    ///
    /// A run whose reader goes leaves its report to the next run of this endpoint, and its settlement to a task. A server of
    /// your own calls this function before it exits, so that nothing of its last runs is lost. A process that is frozen after
    /// each response need not call it.
    pub async fn finish_reports(&self) {
        let mut reports = self.inner.reports.take();
        poll_fn(|cx| reports.poll(cx)).await;
    }

    /// Serves one request, and returns the response as soon as its status is known.
    ///
    /// A rejected request gets a JSON body with a code and a sentence for the user. A request that passes all checks
    /// gets the status 200, and its body is the stream of the run's events. A failure after that is an event in the
    /// stream.
    ///
    /// Use it if the body was already read; it is not copied. For any other body an endpoint is a tower [`Service`], which
    /// does the same.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<ResponseBody> {
        self.inner.respond(request.map(Full::new)).await
    }
}

impl<C: Send + Sync + 'static> Inner<C> {
    /// Serves one request, and turns a rejection into the response that says so. A preflight is answered before anything is
    /// checked, because a browser sends no proof with it.
    async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let received = Received { at: Instant::now(), caller_name: OnceLock::new() };
        let (head, body) = request.into_parts();
        let mut body = RequestBody::new(body);
        let served = match self.cors.answer_preflight(&head) {
            Some(preflight) => Ok(preflight),
            None => self.serve(&head, &mut body, &received).await,
        };
        let mut response = served.unwrap_or_else(|rejection| {
            let (status, code) = (rejection.status().as_u16(), rejection.code());
            let (reason, caller_name) = (rejection.reason_for_log(), received.caller_name.get());
            let source_ip = head.extensions.get().map(|SourceAddress(address)| address.to_string());
            info!(status, code, reason, who = caller_name, source_ip, "{REQUEST_REFUSED}");
            let hint = self.hint(&rejection, &head, body.bytes());
            rejection.into_response(hint)
        });
        self.cors.add_headers(&head, response.headers_mut());
        response
    }

    /// Finds the route of a request and serves it. `head` is the request without its body. `received` is when the
    /// request arrived; the log measures the durations of the run from then.
    ///
    /// # Errors
    /// The [`Rejection`] that [`respond`](Self::respond) turns into a response.
    async fn serve<B>(
        &self,
        head: &Parts,
        body: &mut RequestBody<B>,
        received: &Received,
    ) -> Result<Response<ResponseBody>, Rejection>
    where
        B: Body + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        match self.routes.find(&head.method, head.uri.path())? {
            Route::Health => Ok(json_response(StatusCode::OK, &json!({ "status": "ok" }))),
            Route::Capabilities(agent) => self.serve_capabilities(agent, head, received).await,
            Route::Run(agent) => self.serve_run(agent, head, body, received).await,
        }
    }

    /// Serves `GET /capabilities`: authenticates the caller, and returns what the agent offers to this caller as
    /// JSON. With developer hints it also lists all tools, each with whether the caller is offered the tool.
    async fn serve_capabilities(
        &self,
        agent: &Agent<C>,
        head: &Parts,
        received: &Received,
    ) -> Result<Response<ResponseBody>, Rejection> {
        let authenticated = self.authenticator.authenticate(head).await?;
        let (principal, _) = self.identify(agent, &authenticated, received).await;
        let caller = self.resolve_caller(proven_claims(&authenticated)?, head)?;
        let mut capabilities = agent.capabilities(&caller, principal.as_ref());
        if self.hints.is_some() {
            let access = agent.tool_access(&caller, principal.as_ref());
            capabilities.custom.get_or_insert_default().insert(TOOL_ACCESS.into(), access);
        }
        Ok(json_response(StatusCode::OK, &capabilities))
    }

    /// Serves a `POST` that asks for a run: checks the request, starts the run, and returns the response that streams
    /// its events. `head` is the request without its body, `received` is when it arrived.
    ///
    /// The order of the checks is part of the contract: the body is not read before the caller is authenticated.
    async fn serve_run<B>(
        &self,
        agent: &Agent<C>,
        head: &Parts,
        body: &mut RequestBody<B>,
        received: &Received,
    ) -> Result<Response<ResponseBody>, Rejection>
    where
        B: Body + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let authenticated = self.authenticator.authenticate(head).await?;
        let (principal, caller_name) = self.identify(agent, &authenticated, received).await;
        check_media_type(head)?;
        body.read(self.max_body_bytes).await?;
        let claims = proven_claims(&authenticated)?;
        let caller = self.resolve_caller(claims, head)?;
        let input = self.read_input(body.bytes())?;
        let (thread_id, run_id) = (input.thread_id.loggable(), input.run_id.loggable());
        let span = info_span!("run", thread_id, run_id, who = caller_name);
        let deadline = head.extensions.get().map(|RunDeadline(deadline)| *deadline);
        let request =
            RunRequest::new(caller, input).principal(principal).deadline(deadline).received_at(received.at);
        let run = self.prepare_run(agent, request, claims).instrument(span.clone()).await?;
        let day_budget = self.reserve_budget(&run, claims, &span).instrument(span.clone()).await?;
        let input_limits = self.input_limits;
        let run = PreparedRun { report_to: self.report_to(&span), day_budget, input_limits, ..run };
        let events = span.in_scope(|| Agent::start(run));
        let body = ResponseBody::run(events, self.keep_alive, span, self.reports.take());
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, sse::MEDIA_TYPE),
            (header::CACHE_CONTROL, "no-cache, no-transform"),
            (header::HeaderName::from_static("x-accel-buffering"), "no"),
            // A browser must not take a text of the model for a page.
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, header::HeaderValue::from_static(value));
        }
        Ok(response)
    }

    /// Prepares a run: the agent checks the request, and then the application admits the run, if it wants to decide.
    ///
    /// # Errors
    /// [`Rejection::Run`] if the agent cannot start the run; [`Rejection::NotAdmitted`] or [`Rejection::Internal`] if the
    /// application refuses it or fails.
    async fn prepare_run(
        &self,
        agent: &Agent<C>,
        request: RunRequest<C>,
        claims: &Claims,
    ) -> Result<PreparedRun<C>, Rejection> {
        let run = agent.prepare(request).await?;
        let Some(admit) = &self.admit else { return Ok(run) };
        let decide = |caller, input| admission::decide(admit, Admission::new(caller, claims.clone(), input));
        run.replace_caller(decide).await
    }

    /// Reserves tokens of the caller's budgets for a run, and returns the budgets of the run. Nothing is reserved yet for a run
    /// that answers interrupts, because its calls are carried out in any case, and for one that asks no model.
    ///
    /// # Errors
    /// [`Rejection::BudgetUsed`] if a budget has no room.
    async fn reserve_budget(
        &self,
        run: &PreparedRun<C>,
        claims: &Claims,
        span: &Span,
    ) -> Result<RunBudget, Rejection> {
        let Some(budgets) = &self.budgets else { return Ok(RunBudget::default()) };
        let longest_run = run.end_time().last_read.saturating_duration_since(Instant::now());
        let (queue, span) = (Arc::clone(&self.reports), span.clone());
        let mut budget = budgets
            .of_run(claims, &self.principal_claims, longest_run)
            .settle_with(move |settlement| queue.add_settlement(settlement, span));
        if run.input.answers_interrupts() || run.input.messages.is_empty() {
            return Ok(budget);
        }
        let input_tokens = run.least_input_tokens();
        let mut started = budget.start(input_tokens).await;
        if started.is_err_and(|refusal| refusal.is_held) {
            // The run that holds the rest may be one that the same user has just stopped.
            self.reports.settled().await;
            started = budget.start(input_tokens).await;
        }
        if let Err(refusal) = started {
            // What is reserved of another budget is free again before the response, after which the process may be frozen.
            drop(budget);
            self.reports.settled().await;
            return Err(refusal.into());
        }
        Ok(budget)
    }

    /// Returns what puts the report of a run in the queue, if the application wants reports. `span` is the span of the
    /// run.
    fn report_to(&self, span: &Span) -> Option<ReportTo<C>> {
        let after_run = Arc::clone(self.after_run.as_ref()?);
        let (queue, span) = (Arc::clone(&self.reports), span.clone());
        // The application's function is called in the future, so that the end of a run runs none of its code.
        Some(Box::new(move |caller, report| {
            queue.add(async move { after_run(caller, report).await }, span);
        }))
    }

    /// Returns the [`Principal`] of an authenticated caller, which approvals are bound to, and the name that the log has for
    /// it, which is also kept in `received`. The principal is `None` if the claims do not identify a single user, or if two
    /// proofs contradict each other.
    async fn identify<'a>(
        &self,
        agent: &Agent<C>,
        authenticated: &Authenticated,
        received: &'a Received,
    ) -> (Option<Principal>, &'a str) {
        let claims = authenticated.claims().ok();
        let principal = claims.and_then(|claims| Principal::of(claims, &self.principal_claims));
        let caller_name = agent.name_for_log(principal.as_ref()).await;
        (principal, received.caller_name.get_or_init(|| caller_name))
    }

    /// Calls the application's function that maps claims to a caller. The outer error is the panic of that function.
    pub(super) fn map_claims(&self, claims: &Claims) -> std::thread::Result<Result<C, Forbidden>> {
        catch_unwind(AssertUnwindSafe(|| (self.caller)(claims)))
    }

    /// Turns the proven claims into the application's caller, which tools get.
    ///
    /// # Errors
    /// [`Rejection::Forbidden`] if the caller's organisation is not the [`Tenant`] in the extensions of the request, or
    /// if the application's function refuses the claims. [`Rejection::Internal`] if that function panics; an error is
    /// logged then.
    fn resolve_caller(&self, claims: &Claims, head: &Parts) -> Result<C, Rejection> {
        if let Some(Tenant(tenant)) = head.extensions.get()
            && claims.identifier(&self.principal_claims.org) != Some(tenant)
        {
            warn!("the caller does not belong to the tenant that this environment serves");
            return Err(Rejection::Forbidden(ForbiddenReason::OtherTenant));
        }
        match self.map_claims(claims) {
            Ok(Ok(caller)) => Ok(caller),
            Ok(Err(Forbidden)) => {
                Err(Rejection::Forbidden(ForbiddenReason::Claims(Box::new(claims.clone()))))
            }
            // The panic hook has written the message of the panic to stderr.
            Err(_panic) => {
                error!("the function that maps claims to the caller panicked");
                Err(Rejection::Internal)
            }
        }
    }

    /// Parses the body as the input of a run. Parts that AG-UI 1.0 does not define are left out, and a warning with
    /// their number and their places is logged.
    ///
    /// # Errors
    /// [`Rejection::BadJson`], [`Rejection::BadInput`], or [`Rejection::UnsupportedProtocolVersion`] for another
    /// major version.
    fn read_input(&self, body: &Bytes) -> Result<RunAgentInput, Rejection> {
        let received = RunAgentInput::read_body(body, &self.input_limits)?;
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
        let user_token_admits = self.authenticator.user_token_admits;
        let (run_path, agent_paths) = (self.routes.run_path(), self.routes.agent_paths().collect());
        let request = RejectedRequest { head, body, token_header, user_token_admits, run_path, agent_paths };
        hints::hint_for(self.hints.as_ref()?, rejection, &request)
    }
}

/// Returns the claims of an authenticated caller.
///
/// # Errors
/// [`Rejection::Forbidden`] if two proofs contradict each other; a warning is logged then.
fn proven_claims(authenticated: &Authenticated) -> Result<&Claims, Rejection> {
    authenticated.claims().map_err(|conflict| {
        warn!("{conflict}");
        Rejection::Forbidden(ForbiddenReason::ConflictingProofs)
    })
}

/// Checks that the body is declared as `application/json`.
///
/// # Errors
/// [`Rejection::UnsupportedMediaType`] if it is declared as something else, or not at all.
fn check_media_type(head: &Parts) -> Result<(), Rejection> {
    let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|media_type| media_type.split(';').next()).map(str::trim);
    let is_json = essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    if is_json { Ok(()) } else { Err(Rejection::UnsupportedMediaType) }
}

impl<C, B> Service<Request<B>> for Endpoint<C>
where
    C: Send + Sync + 'static,
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    /// An endpoint is always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// Serves one request as [`Endpoint::handle`] does, and reads its body first. It never fails.
    ///
    /// The body is read after the caller was authenticated, and at most up to
    /// [`max_body_bytes`](super::EndpointBuilder::max_body_bytes). A body of which more comes is rejected with 413, and
    /// the rest of it is not read. A body that ends in an error is rejected with 400.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        async move { Ok(inner.respond(request).await) }.boxed()
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
        f.debug_struct("Endpoint").field("run_path", &self.inner.routes.run_path()).finish_non_exhaustive()
    }
}
