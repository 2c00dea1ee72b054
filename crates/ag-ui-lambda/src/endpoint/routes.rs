//! What an endpoint serves: which path and which method.

use http::Method;

use super::rejection::Rejection;

/// The path that always accepts runs, beside the configured one.
const ROOT_PATH: &str = "/";
/// The path of the agent's capabilities.
pub(super) const CAPABILITIES_PATH: &str = "/capabilities";
/// The path that health checks ask for. It needs no authentication.
pub(super) const HEALTH_PATH: &str = "/health";

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST` to `/` or to the configured path: a run of the agent.
    Run,
    /// `GET /capabilities`: what the agent offers to the caller.
    Capabilities,
    /// `GET /health`: whether the process answers.
    Health,
}

impl Route {
    /// Finds the route that serves `method` on `path`. `run_path` is the configured path of runs, beside `/`.
    ///
    /// # Errors
    /// [`Rejection::NotFound`] for an unknown path, [`Rejection::MethodNotAllowed`] for a path that is served for
    /// another method.
    pub(super) fn find(method: &Method, path: &str, run_path: &str) -> Result<Self, Rejection> {
        let (route, allowed) = match path {
            CAPABILITIES_PATH => (Self::Capabilities, Method::GET),
            HEALTH_PATH => (Self::Health, Method::GET),
            path if path == ROOT_PATH || path == run_path => (Self::Run, Method::POST),
            _ => return Err(Rejection::NotFound),
        };
        if method == allowed { Ok(route) } else { Err(Rejection::MethodNotAllowed { allowed }) }
    }
}

/// Whether `path` can be configured as the path of runs: it begins with `/`, and is neither `/health` nor
/// `/capabilities`.
pub(crate) fn is_run_path(path: &str) -> bool {
    path.starts_with('/') && path != HEALTH_PATH && path != CAPABILITIES_PATH
}
