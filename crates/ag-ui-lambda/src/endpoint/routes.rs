//! What an endpoint serves: which path, which method, and which agent.

use http::Method;
use http::uri::PathAndQuery;

use super::rejection::Rejection;
use crate::agent::Agent;

/// The path that always accepts runs, beside the configured one.
const ROOT_PATH: &str = "/";
/// The path of the first agent's capabilities. Behind the path of another agent it is the path of that one's.
pub(super) const CAPABILITIES_PATH: &str = "/capabilities";
/// The path that health checks ask for. It needs no authentication.
pub(super) const HEALTH_PATH: &str = "/health";

/// The agents of an endpoint and the paths at which they are served.
pub(super) struct Routes<C> {
    /// The agent at `/` and at `run_path`.
    first: Agent<C>,
    /// The configured path of runs, beside `/`.
    run_path: String,
    /// The other agents, each with its path.
    others: Vec<(String, Agent<C>)>,
}

/// What a request asks for.
pub(super) enum Route<'a, C> {
    /// `POST` to the path of an agent: a run.
    Run(&'a Agent<C>),
    /// `GET` of the capabilities of an agent: what it offers to the caller.
    Capabilities(&'a Agent<C>),
    /// `GET /health`: whether the process answers.
    Health,
}

impl<C> Routes<C> {
    /// Creates the routes of one agent, which is served at `/` and at `run_path`.
    pub(super) fn new(agent: Agent<C>, run_path: String) -> Self {
        Self { first: agent, run_path, others: Vec::new() }
    }

    /// Adds an agent at a path, which must be [free](Self::is_free). What the agent signs is bound to the path.
    pub(super) fn add(&mut self, path: String, agent: Agent<C>) {
        let agent = agent.at_path(&path);
        self.others.push((path, agent));
    }

    /// Whether an agent can be added at `path`. The path begins with `/`, does not end with it, and nothing else is served
    /// there. It does not end with `/capabilities`, where the capabilities of an agent may be.
    pub(super) fn is_free(&self, path: &str) -> bool {
        is_run_path(path)
            && !path.ends_with('/')
            && !path.ends_with(CAPABILITIES_PATH)
            && path != self.run_path
            && self.run_path.strip_suffix(CAPABILITIES_PATH) != Some(path)
            && self.agent_paths().all(|taken| taken != path)
    }

    /// Returns the configured path of runs of the first agent.
    pub(super) fn run_path(&self) -> &str {
        &self.run_path
    }

    /// Returns the paths of all agents but the first.
    pub(super) fn agent_paths(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|(path, _)| path.as_str())
    }

    /// Returns all agents, the first one first.
    pub(super) fn agents(&self) -> impl Iterator<Item = &Agent<C>> {
        std::iter::once(&self.first).chain(self.others.iter().map(|(_, agent)| agent))
    }

    /// Finds the route that serves `method` on `path`.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] for an unknown path, [`Rejection::MethodNotAllowed`] for a path that is served for
    /// another method.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Route<'_, C>, Rejection> {
        let route = match path {
            HEALTH_PATH => Some(Route::Health),
            CAPABILITIES_PATH => Some(Route::Capabilities(&self.first)),
            path if path == ROOT_PATH || path == self.run_path => Some(Route::Run(&self.first)),
            path => self.others.iter().find_map(|(at, agent)| match path.strip_prefix(at.as_str())? {
                "" => Some(Route::Run(agent)),
                CAPABILITIES_PATH => Some(Route::Capabilities(agent)),
                _ => None,
            }),
        };
        let route = route.ok_or(Rejection::NotFound)?;
        let allowed = match route {
            Route::Run(_) => Method::POST,
            Route::Capabilities(_) | Route::Health => Method::GET,
        };
        if method == allowed { Ok(route) } else { Err(Rejection::MethodNotAllowed { allowed }) }
    }
}

/// Whether `path` can be configured as the path of runs: it is the path of a URL that begins with `/`, without a query and
/// a fragment, and is neither `/health` nor `/capabilities`.
///
/// A path that clients and proxies write in another way would never be found: they encode what is not ASCII, resolve the
/// segments `.` and `..`, and join slashes.
pub(crate) fn is_run_path(path: &str) -> bool {
    let is_path = path.parse::<PathAndQuery>().is_ok_and(|parsed| parsed.path() == path);
    is_path
        && path.is_ascii()
        && path.starts_with('/')
        && !path.contains("//")
        && !path.split('/').any(is_dots)
        && path != HEALTH_PATH
        && path != CAPABILITIES_PATH
}

/// Whether a segment of a path is `.` or `..`, also if the dots are encoded.
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}
