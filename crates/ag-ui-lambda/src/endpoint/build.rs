//! Building an endpoint. What is missing is told when it is built, not when the first request fails.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;
use tracing::warn;

use super::auth::{Auth, AuthMode, VerifyUser};
use super::token::SharedToken;
use super::{Claims, DeveloperHints, Endpoint, Forbidden, IdentityClaims, Inner, Mapping};
use crate::agent::{Agent, LONGEST};

/// Header of the shared token, unless another is named.
pub(crate) const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-token");
/// Where runs are posted beside `/`, unless another path is named.
pub(crate) const RUN_PATH: &str = "/agui";
/// The longest body, unless said otherwise: what Lambda takes.
pub(crate) const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// The longest silence of a stream, unless said otherwise.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Whether runs may be posted to a path: it is one, and none of the endpoint's own.
pub(crate) fn is_run_path(path: &str) -> bool {
    path.starts_with('/') && path != "/health" && path != "/capabilities"
}

/// Builds an [`Endpoint`].
#[must_use]
pub struct EndpointBuilder<C> {
    agent: Agent<C>,
    caller: Box<Mapping<C>>,
    mode: Option<AuthMode>,
    auth: Auth,
    identity: IdentityClaims,
    run_path: String,
    max_body_bytes: usize,
    keep_alive: Duration,
    hints: Option<DeveloperHints>,
}

/// An endpoint that cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// The token must be checked, and there is none.
    #[error("authentication by token needs a token")]
    NoToken,
    /// The path is not one.
    #[error("the path of runs must begin with `/` and be none of the endpoint's own")]
    BadPath,
}

impl<C: Send + Sync + 'static> Endpoint<C> {
    /// Starts from an agent and the function that makes a caller of proven claims.
    ///
    /// The function refuses callers with [`Forbidden`]; anonymous callers come to it too.
    pub fn builder(
        agent: Agent<C>,
        caller: impl Fn(&Claims) -> Result<C, Forbidden> + Send + Sync + 'static,
    ) -> EndpointBuilder<C> {
        EndpointBuilder::new(agent, Box::new(caller))
    }
}

impl<C: Send + Sync + 'static> EndpointBuilder<C> {
    fn new(agent: Agent<C>, caller: Box<Mapping<C>>) -> Self {
        Self {
            agent,
            caller,
            mode: Some(AuthMode::Token),
            auth: Auth {
                token: None,
                token_header: TOKEN_HEADER,
                needs_authorizer: false,
                principals: Vec::new(),
                user: None,
            },
            identity: IdentityClaims::default(),
            run_path: RUN_PATH.into(),
            max_body_bytes: MAX_BODY_BYTES,
            keep_alive: KEEP_ALIVE,
            hints: None,
        }
    }

    /// What a request must show; the shared token unless said otherwise.
    pub fn require(self, mode: AuthMode) -> Self {
        Self { mode: Some(mode), ..self }
    }

    /// Lets everyone call. It exists in code only, and warns when the endpoint is built.
    pub fn without_auth(self) -> Self {
        Self { mode: None, ..self }
    }

    /// The shared token.
    pub fn token(mut self, token: SharedToken) -> Self {
        self.auth.token = Some(token);
        self
    }

    /// The header of the shared token, in place of `x-agui-token`.
    pub fn token_header(mut self, name: HeaderName) -> Self {
        self.auth.token_header = name;
        self
    }

    /// ARNs of the IAM principals that count as an authorizer's proof; `*` stands for any number of characters.
    pub fn iam_principals(mut self, patterns: impl IntoIterator<Item = String>) -> Self {
        self.auth.principals = patterns.into_iter().collect();
        self
    }

    /// Demands the end user's token in `x-agui-user-token` and verifies it.
    pub fn user_tokens(mut self, verify: impl VerifyUser) -> Self {
        self.auth.user = Some(Box::new(verify));
        self
    }

    /// The claims that tell whose an approval is, in place of `sub`, `principalId` or `userArn`, and `custom:org_id`.
    pub fn identity_claims(self, identity: IdentityClaims) -> Self {
        Self { identity, ..self }
    }

    /// Where runs are posted beside `/`, in place of `/agui`.
    pub fn run_path(self, path: impl Into<String>) -> Self {
        Self { run_path: path.into(), ..self }
    }

    /// The longest body, in bytes.
    pub fn max_body_bytes(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// The longest silence of a stream, a year at most.
    pub fn keep_alive(self, keep_alive: Duration) -> Self {
        Self { keep_alive: keep_alive.min(LONGEST), ..self }
    }

    /// Tells developers more: each refusal has a `hint`, and `GET /capabilities` lists the tools that the caller is not
    /// offered, with the reason. For work on one's own machine only, since hints hold secrets; none by default.
    pub fn developer_hints(self, hints: DeveloperHints) -> Self {
        Self { hints: Some(hints), ..self }
    }

    /// Makes the endpoint.
    ///
    /// # Errors
    /// [`EndpointError`] if the token is missing that must be checked, or the path is unusable.
    pub fn build(self) -> Result<Endpoint<C>, EndpointError> {
        let Self { agent, caller, mode, mut auth, identity, run_path, max_body_bytes, keep_alive, hints } =
            self;
        if !is_run_path(&run_path) {
            return Err(EndpointError::BadPath);
        }
        match mode {
            Some(AuthMode::Token | AuthMode::Both) if auth.token.is_none() => {
                return Err(EndpointError::NoToken);
            }
            Some(AuthMode::Token) => {}
            Some(AuthMode::Both) => auth.needs_authorizer = true,
            Some(AuthMode::Authorizer) => {
                auth.token = None;
                auth.needs_authorizer = true;
            }
            None => {
                auth.token = None;
                warn!("authentication is off: everyone who reaches this endpoint may call the agent");
            }
        }
        let inner = Inner { agent, auth, caller, identity, run_path, max_body_bytes, keep_alive, hints };
        Ok(Endpoint { inner: Arc::new(inner) })
    }
}

impl<C> std::fmt::Debug for EndpointBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointBuilder").field("mode", &self.mode).finish_non_exhaustive()
    }
}
