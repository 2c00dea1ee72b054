//! Builds an [`Endpoint`]. A missing or unusable setting is an error of [`EndpointBuilder::build`], so it does not show
//! only when the first request fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::header::HeaderName;
use tracing::warn;

use super::admission::{Admission, Admit};
use super::cors::CorsOrigins;
use super::hints::DeveloperHints;
use super::mapping::{CallerMapping, CallerOfTools, MappingResult};
use super::refusal::Refusal;
use super::reports::AfterRun;
use super::routes::{Routes, is_run_path};
use super::service::{Endpoint, Inner};
use super::start_lines::log_start;
use crate::agent::{Agent, MAX_DURATION, RunReport};
use crate::auth::{AuthMode, Authenticator, CallerClaims, Claims, PrincipalClaims, SharedToken, VerifyUser};
use crate::budget::Budgets;
use crate::protocol::InputLimits;

/// The header of the shared token, if [`EndpointBuilder::token_header`] is not called.
pub(crate) const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-token");
/// The path of runs beside `/`, if [`EndpointBuilder::run_path`] is not called.
pub(crate) const RUN_PATH: &str = "/agui";
/// The largest body of a request in bytes, if the builder is given no other size. It is what the largest entry point
/// accepts.
pub(crate) const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// The longest time that a stream is silent, if [`EndpointBuilder::keep_alive`] is not called.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Builds an [`Endpoint`]; [`Endpoint::builder`] creates it.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::auth::{AuthMode, SharedToken};
/// use ag_ui_lambda::{Agent, Claims, Endpoint, demo};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = Agent::builder(demo(Duration::ZERO)).build()?;
/// let endpoint = Endpoint::builder(agent, |claims: &Claims| Ok(claims.subject().map(str::to_owned)))
///     .require(AuthMode::Both)
///     .token(SharedToken::literal("a-token-for-tests".into())?)
///     .run_path("/orders/agent")
///     .keep_alive(Duration::from_secs(5))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct EndpointBuilder<C> {
    agent: Agent<C>,
    /// The agents of [`agent_at`](Self::agent_at), each with its path.
    other_agents: Vec<(String, Agent<C>)>,
    caller: Box<CallerMapping<C>>,
    /// `None` if every run that passes the other checks starts.
    admit: Option<Box<Admit<C>>>,
    /// `None` if the application wants no reports.
    after_run: Option<Arc<AfterRun<C>>>,
    /// `None` if nobody has a budget.
    budgets: Option<Budgets>,
    /// `None` if everyone may call.
    mode: Option<AuthMode>,
    authenticator: Authenticator,
    principal_claims: PrincipalClaims,
    /// The claims of [`caller_claims`](Self::caller_claims).
    caller_claims: Vec<String>,
    run_path: String,
    max_body_bytes: usize,
    input_limits: InputLimits,
    keep_alive: Duration,
    cors: CorsOrigins,
    hints: Option<DeveloperHints>,
}

/// Why an endpoint cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildEndpointError {
    /// The authentication mode requires the shared token, and [`EndpointBuilder::token`] was not called.
    #[error("authentication by the shared token needs a token")]
    MissingToken,
    /// The authentication mode admits users' tokens, and [`EndpointBuilder::user_tokens`] was not called.
    #[error("authentication by users' tokens needs a verifier of them")]
    MissingUserTokens,
    /// The path of runs cannot be the path of a request, or the endpoint serves something else there.
    #[error(
        "the path of runs must be the path of a URL in ASCII, begin with `/`, have no segment that is empty, `.` or `..`, and \
         not be `/health` or `/capabilities`"
    )]
    InvalidRunPath,
    /// The path of an agent cannot be served, or something else is served there.
    #[error(
        "the path {path:?} of an agent must be the path of a URL in ASCII, begin with `/`, have no segment that is empty, `.` \
         or `..`, and not end with `/` or `/capabilities`, and nothing else may be served there"
    )]
    InvalidAgentPath {
        /// The path that [`EndpointBuilder::agent_at`] was given.
        path: String,
    },
}

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Returns a builder for an endpoint that serves `agent`. By default, requests must carry the shared token.
    ///
    /// `caller` is called once for each request, after its authentication, and returns `Result<C, Forbidden>`. It turns the
    /// proven claims into the value that the agent's tools get as the caller, or returns
    /// [`Forbidden`](crate::auth::Forbidden), which the client gets as the status 403. For anonymous callers it is called
    /// with empty claims.
    pub fn builder<R: MappingResult<Caller: CallerOfTools<C>>>(
        agent: Agent<C>,
        caller: impl Fn(&Claims) -> R + Send + Sync + 'static,
    ) -> EndpointBuilder<C> {
        let caller = move |claims: &Claims| caller(claims).into_result().map(CallerOfTools::into_caller);
        EndpointBuilder::new(agent, Box::new(caller))
    }
}

impl<C: Send + Sync + 'static> EndpointBuilder<C> {
    /// Creates a builder with the defaults that the methods of the builder name. `caller` is the function that
    /// [`Endpoint::builder`] was given.
    fn new(agent: Agent<C>, caller: Box<CallerMapping<C>>) -> Self {
        Self {
            agent,
            other_agents: Vec::new(),
            caller,
            admit: None,
            after_run: None,
            budgets: None,
            mode: Some(AuthMode::Token),
            authenticator: Authenticator {
                token: None,
                token_header: TOKEN_HEADER,
                needs_authorizer: false,
                trusted_signers: Vec::new(),
                user: None,
                user_token_admits: false,
                caller_claims: CallerClaims::default(),
            },
            principal_claims: PrincipalClaims::default(),
            caller_claims: Vec::new(),
            run_path: RUN_PATH.into(),
            max_body_bytes: MAX_BODY_BYTES,
            input_limits: InputLimits::default(),
            keep_alive: KEEP_ALIVE,
            cors: CorsOrigins::default(),
            hints: None,
        }
    }

    /// Sets the function that admits a run or refuses it, for what needs a store or the input, such as a quota.
    ///
    /// `admit` is called once for each run, as the last check: the caller is authenticated and mapped, and the input is
    /// valid. The run starts with the caller that it returns. Its refusal is the response: 402, 403, or 429 with
    /// `Retry-After`, each with a message of the application. A run that answers interrupts is passed to it, too, but
    /// `/capabilities` and `/health` are not.
    ///
    /// The response waits for `admit`, at most for ten seconds: then the client gets the status 503 with the code
    /// `ADMISSION_UNAVAILABLE`, and an error is logged. If it panics, it is 500 with the code `INTERNAL`. A second call
    /// replaces the function of the first.
    ///
    /// ```
    /// use ag_ui_lambda::endpoint::{Admission, Endpoint, Refusal};
    /// # use ag_ui_lambda::{Agent, demo};
    ///
    /// struct Caller { plan: String }
    ///
    /// async fn admit(admission: Admission<Caller>) -> Result<Caller, Refusal> {
    ///     if admission.caller().plan == "free" && admission.input().messages.len() > 50 {
    ///         return Err(Refusal::payment_required("Long conversations need the paid plan."));
    ///     }
    ///     Ok(admission.into_caller())
    /// }
    ///
    /// # let agent = Agent::builder(demo(std::time::Duration::ZERO)).build()?;
    /// let caller = |_: &_| Ok(Caller { plan: "free".into() });
    /// let endpoint = Endpoint::builder(agent, caller).without_auth().admit(admit).build()?;
    /// # let _ = endpoint;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn admit<F>(self, admit: impl Fn(Admission<C>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<C, Refusal>> + Send + 'static,
    {
        Self { admit: Some(Box::new(move |admission| admit(admission).boxed())), ..self }
    }

    /// Sets the function that gets the caller and the [`RunReport`] of each run after its end: how it ended, and what it
    /// has used. Refused requests have no report.
    ///
    /// It is called once for each run, and awaited for at most a second. The client has the last event by then, but the
    /// response stays open, because a function may be frozen when its response has ended. A response that is sent in
    /// one piece is sent after `after_run` has ended. What is not done after a second is dropped, and a warning is
    /// logged; a panic is logged, too.
    ///
    /// If the reader of a run goes, nothing of this run can be awaited any more. The next run of this endpoint then awaits
    /// the report beside its own events, or [`Endpoint::finish_reports`] does. A report that nobody awaits is lost with
    /// the process, so admission, and not the report, is the place for a limit that must hold.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use ag_ui_lambda::agent::RunReport;
    /// use ag_ui_lambda::endpoint::Endpoint;
    /// # use ag_ui_lambda::{Agent, demo};
    ///
    /// struct Caller { org: String }
    ///
    /// async fn bill(caller: Arc<Caller>, report: RunReport) {
    ///     println!("{} used {} tokens", caller.org, report.usage.total());
    /// }
    ///
    /// # let agent = Agent::builder(demo(std::time::Duration::ZERO)).build()?;
    /// let caller = |_: &_| Ok(Caller { org: "acme".into() });
    /// let endpoint = Endpoint::builder(agent, caller).without_auth().after_run(bill).build()?;
    /// # let _ = endpoint;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn after_run<F>(self, after_run: impl Fn(Arc<C>, RunReport) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { after_run: Some(Arc::new(move |caller, report| after_run(caller, report).boxed())), ..self }
    }

    /// Sets how many tokens each user and each organisation may use on a day.
    ///
    /// A run reserves tokens as the last check before it starts, after [`admit`](Self::admit). If there is no room, the client
    /// gets the status 429 with the code `BUDGET_USED` and `Retry-After`. If a budget is used up within a run, the run is
    /// cancelled with the reason `USER_BUDGET`. A run that answers interrupts is not refused: it carries out what was approved,
    /// and is cancelled before a model is asked. If the store of the budgets fails, runs go on without their budgets, and an
    /// error is logged.
    ///
    /// By default nobody has a budget. [`Budgets`] has an example.
    pub fn budgets(self, budgets: Budgets) -> Self {
        Self { budgets: Some(budgets), ..self }
    }

    /// Sets which proof of the caller a request must carry. The default is [`AuthMode::Token`].
    pub fn require(self, mode: AuthMode) -> Self {
        Self { mode: Some(mode), ..self }
    }

    /// Lets everyone who reaches the endpoint call the agent, without the shared token and without an authorizer. A
    /// token that [`user_tokens`](Self::user_tokens) requires is still checked.
    ///
    /// No environment variable does this. [`build`](Self::build) logs a warning.
    pub fn without_auth(self) -> Self {
        Self { mode: None, ..self }
    }

    /// Sets the shared token. If the mode requires it, each request must carry it, in the header
    /// [`token_header`](Self::token_header) or as a bearer token in `Authorization`.
    pub fn token(mut self, token: SharedToken) -> Self {
        self.authenticator.token = Some(token);
        self
    }

    /// Sets the name of the header in which requests carry the shared token. The default is `x-agui-token`.
    pub fn token_header(mut self, name: HeaderName) -> Self {
        self.authenticator.token_header = name;
        self
    }

    /// Sets which signers are trusted: a request that one of them has signed counts as proven by an authorizer.
    ///
    /// Each pattern is compared with the name of the signer; `*` stands for any number of characters other than `/` and
    /// `:`. By default the list is empty, and no signature counts.
    pub fn trusted_signers(mut self, patterns: impl IntoIterator<Item = String>) -> Self {
        self.authenticator.trusted_signers = patterns.into_iter().collect();
        self
    }

    /// Requires that each request carries the end user's token in the header `x-agui-user-token`. `verify` checks the
    /// token and returns its claims, which are then the claims of the caller. An authorizer's claims only have to
    /// [agree with them](Self::caller_claims).
    ///
    /// With [`AuthMode::Jwt`] the token is all that a request needs, and may be the bearer token of `Authorization`. With
    /// [`AuthMode::TokenOrJwt`] a request needs this token or the shared one.
    pub fn user_tokens(mut self, verify: impl VerifyUser) -> Self {
        self.authenticator.user = Some(Box::new(verify));
        self
    }

    /// Sets the names of the claims that identify the user whom an approval is bound to. The default is
    /// [`PrincipalClaims::default`].
    pub fn principal_claims(self, principal_claims: PrincipalClaims) -> Self {
        Self { principal_claims, ..self }
    }

    /// Sets the names of further claims that your mapping reads, such as those with permissions. By default the list is
    /// empty.
    ///
    /// They matter if requests carry an authorizer's claims and a user's token: if the two differ in the issuer, the subject,
    /// one of these claims or one of the [`principal_claims`](Self::principal_claims), the client gets the status 403. All
    /// claims that your mapping then gets are those of the token.
    pub fn caller_claims(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { caller_claims: names.into_iter().collect(), ..self }
    }

    /// Adds an agent with tools and instructions of its own, which is served at `path`: `POST` starts a run, and `GET` of
    /// `path` with `/capabilities` behind it returns what the agent offers. The agent of
    /// [`Endpoint::builder`] stays at `/` and at [`run_path`](Self::run_path).
    ///
    /// Everything else of the endpoint is for all agents: authentication, the mapping from claims to callers, admission and
    /// limits. Approvals and signed results are bound to `path`: those of one agent are invalid at another one, also if both
    /// have the same key and a tool of the same name.
    ///
    /// ```
    /// use ag_ui_lambda::{Agent, Claims, Endpoint, demo};
    /// # use std::time::Duration;
    ///
    /// let sales = Agent::builder(demo(Duration::ZERO)).instructions("You sell.").build()?;
    /// let support = Agent::builder(demo(Duration::ZERO)).instructions("You help.").build()?;
    /// let endpoint = Endpoint::builder(sales, |_: &Claims| Ok(()))
    ///     .agent_at("/support", support)
    ///     .without_auth()
    ///     .build()?;
    /// # let _ = endpoint;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn agent_at(mut self, path: impl Into<String>, agent: Agent<C>) -> Self {
        self.other_agents.push((path.into(), agent));
        self
    }

    /// Sets the path that accepts runs of the first agent in addition to `/`. The default is `/agui`.
    pub fn run_path(self, path: impl Into<String>) -> Self {
        Self { run_path: path.into(), ..self }
    }

    /// Sets the largest body of a request, in bytes. A request with a larger one is rejected with 413. The default is
    /// 6 MiB.
    pub fn max_body_bytes(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// Sets how much the input of a run may hold, beside its length: messages, tools, JSON values and so on. A request
    /// with more is rejected with 400, or with 413 if the limit is one of bytes, and `error.path` names what is too large.
    /// The default is [`InputLimits::default`].
    pub fn input_limits(self, input_limits: InputLimits) -> Self {
        Self { input_limits, ..self }
    }

    /// Sets after how much silence a stream sends a comment, so that proxies do not close the connection. The default
    /// is 15 s; a value over a year counts as a year. With [`Duration::ZERO`] no comments are sent.
    pub fn keep_alive(self, keep_alive: Duration) -> Self {
        let keep_alive = if keep_alive.is_zero() { MAX_DURATION } else { keep_alive.min(MAX_DURATION) };
        Self { keep_alive, ..self }
    }

    /// Sets the origins whose pages may call the endpoint. Preflights are then answered before any check, and responses have the
    /// CORS headers of the origin that asks. The header of the shared token is not among those that a page may send. By default
    /// there are none, and the endpoint does nothing about CORS.
    pub fn cors_origins(self, cors: CorsOrigins) -> Self {
        Self { cors, ..self }
    }

    /// Turns on hints for developers: each rejection gets a member `hint`, and `GET /capabilities` also lists every
    /// tool, with whether the caller is offered the tool, and the reason if not.
    ///
    /// Use it only on a developer's own machine, because hints repeat claims and parts of the request. Off by
    /// default.
    pub fn developer_hints(self, hints: DeveloperHints) -> Self {
        Self { hints: Some(hints), ..self }
    }

    /// Builds the endpoint. Nothing is fetched yet: secrets and keys are fetched by [`Endpoint::warm_up`] or by the
    /// first request.
    ///
    /// The log gets two lines, so set it up before: which tools an anonymous caller may call, for which the mapping from claims
    /// is called once, and a warning if the program was built with `panic = "abort"`, because a panic of one tool then ends
    /// every run of the process.
    ///
    /// # Errors
    /// [`BuildEndpointError`] if the mode requires the shared token and [`token`](Self::token) was not called, if it admits
    /// users' tokens and [`user_tokens`](Self::user_tokens) was not called, or if the path of runs or of an agent is unusable.
    pub fn build(self) -> Result<Endpoint<C>, BuildEndpointError> {
        let Self { agent, caller, admit, after_run, budgets, mode, mut authenticator, .. } = self;
        if !is_run_path(&self.run_path) {
            return Err(BuildEndpointError::InvalidRunPath);
        }
        let mut routes = Routes::new(agent, self.run_path);
        for (path, agent) in self.other_agents {
            if !routes.is_free(&path) {
                return Err(BuildEndpointError::InvalidAgentPath { path });
            }
            routes.add(path, agent);
        }
        match mode {
            Some(mode) if mode.uses_shared_token() && authenticator.token.is_none() => {
                return Err(BuildEndpointError::MissingToken);
            }
            Some(mode) if mode.admits_user_token() && authenticator.user.is_none() => {
                return Err(BuildEndpointError::MissingUserTokens);
            }
            Some(AuthMode::Token) => {}
            Some(AuthMode::Both) => authenticator.needs_authorizer = true,
            Some(AuthMode::Authorizer) => {
                authenticator.token = None;
                authenticator.needs_authorizer = true;
            }
            Some(AuthMode::Jwt) => {
                authenticator.token = None;
                authenticator.user_token_admits = true;
            }
            Some(AuthMode::TokenOrJwt) => authenticator.user_token_admits = true,
            None => {
                authenticator.token = None;
                warn!("authentication is off: everyone who reaches this endpoint may call the agent");
            }
        }
        let others = std::iter::once(&self.principal_claims.org).chain(&self.caller_claims).cloned();
        authenticator.caller_claims =
            CallerClaims { user: self.principal_claims.user.clone(), others: others.collect() };
        let inner = Inner {
            routes,
            authenticator,
            caller,
            admit,
            after_run,
            budgets,
            reports: Arc::default(),
            principal_claims: self.principal_claims,
            max_body_bytes: self.max_body_bytes,
            input_limits: self.input_limits,
            keep_alive: self.keep_alive,
            cors: self.cors,
            hints: self.hints,
        };
        let endpoint = Endpoint { inner: Arc::new(inner) };
        log_start(&endpoint);
        Ok(endpoint)
    }
}

impl<C> fmt::Debug for EndpointBuilder<C> {
    /// Prints only the authentication mode.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointBuilder").field("mode", &self.mode).finish_non_exhaustive()
    }
}
