//! Builds an [`Endpoint`]. Whatever is missing is an error then, and not when the first request fails.

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

/// The header of the shared token, unless the builder is given another.
pub(crate) const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-token");
/// The path of runs beside `/`, unless the builder is given another.
pub(crate) const RUN_PATH: &str = "/agui";
/// The largest body of a request, unless the builder is given another size. It is what the largest entry point accepts.
pub(crate) const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// The longest time that a stream is silent, unless the builder is given another.
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
    /// Returns a builder for an endpoint that serves `agent`.
    ///
    /// `caller` is called once for each request, after its authentication. It turns the proven claims into the value that the
    /// agent's tools get as the caller, or returns [`Forbidden`], which the client gets as the status 403. Anonymous callers
    /// reach it too, with empty claims. By default, requests must carry the shared token.
    pub fn builder(
        agent: Agent<C>,
        caller: impl Fn(&Claims) -> Result<C, Forbidden> + Send + Sync + 'static,
    ) -> EndpointBuilder<C> {
        EndpointBuilder::new(agent, Box::new(caller))
    }
}

impl<C: Send + Sync + 'static> EndpointBuilder<C> {
    /// Creates a builder with all defaults.
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

    /// Sets which proof a request must carry. The default is [`AuthMode::Token`].
    pub fn require(self, mode: AuthMode) -> Self {
        Self { mode: Some(mode), ..self }
    }

    /// Lets everyone call the agent. No setting does this, only code, and [`build`](Self::build) logs a warning.
    pub fn without_auth(self) -> Self {
        Self { mode: None, ..self }
    }

    /// Sets the shared token that requests must carry, in the header of [`token_header`](Self::token_header) or as a bearer
    /// token.
    pub fn token(mut self, token: SharedToken) -> Self {
        self.authenticator.token = Some(token);
        self
    }

    /// Sets the header of the shared token, in place of `x-agui-token`.
    pub fn token_header(mut self, name: HeaderName) -> Self {
        self.authenticator.token_header = name;
        self
    }

    /// Sets the signers whose signed requests count as an authorizer's proof, as patterns in which `*` stands for any number
    /// of characters. Without any, no signature counts.
    pub fn trusted_signers(mut self, patterns: impl IntoIterator<Item = String>) -> Self {
        self.authenticator.trusted_signers = patterns.into_iter().collect();
        self
    }

    /// Requires that each request carries the end user's token in the header `x-agui-user-token`, and sets what verifies it.
    pub fn user_tokens(mut self, verify: impl VerifyUser) -> Self {
        self.authenticator.user = Some(Box::new(verify));
        self
    }

    /// Sets the names of the claims that approvals are bound to. The default is [`PrincipalClaims::default`].
    pub fn principal_claims(self, principal_claims: PrincipalClaims) -> Self {
        Self { principal_claims, ..self }
    }

    /// Sets the path of runs beside `/`, in place of `/agui`.
    pub fn run_path(self, path: impl Into<String>) -> Self {
        Self { run_path: path.into(), ..self }
    }

    /// Sets the largest body of a request, in bytes. A larger one is rejected with 413. The default is 6 MiB.
    pub fn max_body_bytes(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// Sets the longest time that a stream is silent before it sends a comment, so that proxies do not close it. The default
    /// is 15 s, and more than a year counts as a year.
    pub fn keep_alive(self, keep_alive: Duration) -> Self {
        Self { keep_alive: keep_alive.min(MAX_DURATION), ..self }
    }

    /// Adds a `hint` for the developer to each rejection, and to `GET /capabilities` the tools that the caller is not
    /// offered, each with the reason.
    ///
    /// Use it for work on a developer's own machine only, because hints repeat claims and what was sent. Off by default.
    pub fn developer_hints(self, hints: DeveloperHints) -> Self {
        Self { hints: Some(hints), ..self }
    }

    /// Builds the endpoint. It fetches nothing yet.
    ///
    /// # Errors
    /// [`BuildEndpointError`] if the token is missing that requests must carry, or if the path of runs is unusable.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointBuilder").field("mode", &self.mode).finish_non_exhaustive()
    }
}
