//! Builds an [`Endpoint`]. A missing or unusable setting is an error of [`EndpointBuilder::build`], so it does not show
//! only when the first request fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use tracing::warn;

use super::hints::DeveloperHints;
use super::routes::is_run_path;
use super::service::{CallerMapping, Endpoint, Inner};
use crate::agent::{Agent, MAX_DURATION};
use crate::auth::{AuthMode, Authenticator, Claims, Forbidden, PrincipalClaims, SharedToken, VerifyUser};

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
#[must_use]
pub struct EndpointBuilder<C> {
    agent: Agent<C>,
    caller: Box<CallerMapping<C>>,
    /// `None` if everyone may call.
    mode: Option<AuthMode>,
    authenticator: Authenticator,
    principal_claims: PrincipalClaims,
    run_path: String,
    max_body_bytes: usize,
    keep_alive: Duration,
    hints: Option<DeveloperHints>,
}

/// Why an endpoint cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildEndpointError {
    /// The authentication mode requires the shared token, and [`EndpointBuilder::token`] was not called.
    #[error("authentication by the shared token needs a token")]
    MissingToken,
    /// The path of runs does not begin with `/`, or the endpoint serves something else there.
    #[error("the path of runs must begin with `/` and must not be `/health` or `/capabilities`")]
    InvalidRunPath,
}

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Returns a builder for an endpoint that serves `agent`. By default, requests must carry the shared token.
    ///
    /// `caller` is called once for each request, after its authentication. It turns the proven claims into the value
    /// that the agent's tools get as the caller, or returns [`Forbidden`], which the client gets as the status 403.
    /// For anonymous callers it is called with empty claims.
    pub fn builder(
        agent: Agent<C>,
        caller: impl Fn(&Claims) -> Result<C, Forbidden> + Send + Sync + 'static,
    ) -> EndpointBuilder<C> {
        EndpointBuilder::new(agent, Box::new(caller))
    }
}

impl<C: Send + Sync + 'static> EndpointBuilder<C> {
    /// Creates a builder with the defaults that the methods of the builder name. `caller` is the function that
    /// [`Endpoint::builder`] was given.
    fn new(agent: Agent<C>, caller: Box<CallerMapping<C>>) -> Self {
        Self {
            agent,
            caller,
            mode: Some(AuthMode::Token),
            authenticator: Authenticator {
                token: None,
                token_header: TOKEN_HEADER,
                needs_authorizer: false,
                trusted_signers: Vec::new(),
                user: None,
            },
            principal_claims: PrincipalClaims::default(),
            run_path: RUN_PATH.into(),
            max_body_bytes: MAX_BODY_BYTES,
            keep_alive: KEEP_ALIVE,
            hints: None,
        }
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
    /// Each pattern is compared with the name of the signer; `*` stands for any number of characters. By default the
    /// list is empty, and no signature counts.
    pub fn trusted_signers(mut self, patterns: impl IntoIterator<Item = String>) -> Self {
        self.authenticator.trusted_signers = patterns.into_iter().collect();
        self
    }

    /// Requires that each request carries the end user's token in the header `x-agui-user-token`. `verify` checks the
    /// token and returns its claims.
    pub fn user_tokens(mut self, verify: impl VerifyUser) -> Self {
        self.authenticator.user = Some(Box::new(verify));
        self
    }

    /// Sets the names of the claims that identify the user whom an approval is bound to. The default is
    /// [`PrincipalClaims::default`].
    pub fn principal_claims(self, principal_claims: PrincipalClaims) -> Self {
        Self { principal_claims, ..self }
    }

    /// Sets the path that accepts runs in addition to `/`. The default is `/agui`.
    pub fn run_path(self, path: impl Into<String>) -> Self {
        Self { run_path: path.into(), ..self }
    }

    /// Sets the largest body of a request, in bytes. A request with a larger one is rejected with 413. The default is
    /// 6 MiB.
    pub fn max_body_bytes(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// Sets after how much silence a stream sends a comment, so that proxies do not close the connection. The default
    /// is 15 s; a value over a year counts as a year.
    pub fn keep_alive(self, keep_alive: Duration) -> Self {
        Self { keep_alive: keep_alive.min(MAX_DURATION), ..self }
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
    /// # Errors
    /// [`BuildEndpointError`] if the mode requires the shared token and [`token`](Self::token) was not called, or if
    /// the path of runs is unusable.
    pub fn build(self) -> Result<Endpoint<C>, BuildEndpointError> {
        let Self { agent, caller, mode, mut authenticator, .. } = self;
        if !is_run_path(&self.run_path) {
            return Err(BuildEndpointError::InvalidRunPath);
        }
        match mode {
            Some(AuthMode::Token | AuthMode::Both) if authenticator.token.is_none() => {
                return Err(BuildEndpointError::MissingToken);
            }
            Some(AuthMode::Token) => {}
            Some(AuthMode::Both) => authenticator.needs_authorizer = true,
            Some(AuthMode::Authorizer) => {
                authenticator.token = None;
                authenticator.needs_authorizer = true;
            }
            None => {
                authenticator.token = None;
                warn!("authentication is off: everyone who reaches this endpoint may call the agent");
            }
        }
        let inner = Inner {
            agent,
            authenticator,
            caller,
            principal_claims: self.principal_claims,
            run_path: self.run_path,
            max_body_bytes: self.max_body_bytes,
            keep_alive: self.keep_alive,
            hints: self.hints,
        };
        Ok(Endpoint { inner: Arc::new(inner) })
    }
}

impl<C> fmt::Debug for EndpointBuilder<C> {
    /// Prints only the authentication mode.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointBuilder").field("mode", &self.mode).finish_non_exhaustive()
    }
}
