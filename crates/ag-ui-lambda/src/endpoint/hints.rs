//! Hints for developers: sentences beside a rejection that describe what is wrong with this request, and what helps. They
//! are for local work only.
//!
//! A hint may repeat claims and parts of the request, which the message of a rejection never does. It may name the place of
//! a secret, but never its value, because a rejected caller has proven nothing. The client gets it as `error.hint`, and it is
//! never logged. Without [`DeveloperHints`] there are no hints.

mod auth;
mod explain;
mod input;
mod names;
mod quote;

use http::header::HeaderName;
use http::request::Parts;

pub(super) use explain::hint_for;
pub(super) use names::misspelt_names;

/// The configuration of hints for developers: what a hint may name of the endpoint's settings.
/// [`EndpointBuilder::developer_hints`](super::EndpointBuilder::developer_hints) turns hints on.
///
/// Use it only on a developer's own machine, because responses then repeat claims and parts of the request.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct DeveloperHints {
    /// The end of the sentence "Send the header ... with the token".
    token_origin: Option<String>,
    /// What a signer is called, and the setting that lists the trusted ones.
    signers: Option<(String, String)>,
    /// The issuer and the audience of the users' JWTs.
    user_tokens: Option<(String, String)>,
}

impl DeveloperHints {
    /// Creates hints that name nothing of the configuration. Each other method adds one fact.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where developers find the shared token, for hints about a missing or wrong token.
    ///
    /// `origin` is the end of a sentence that begins "Send the header ... with the token", such as "that the variable
    /// TOKEN holds". It must not be the token itself.
    pub fn token_origin(self, origin: impl Into<String>) -> Self {
        Self { token_origin: Some(origin.into()), ..self }
    }

    /// Sets how hints about an untrusted signer call the signer, such as "machine", and the name of the setting that
    /// lists the trusted ones.
    pub fn trusted_signers(self, noun: impl Into<String>, setting: impl Into<String>) -> Self {
        Self { signers: Some((noun.into(), setting.into())), ..self }
    }

    /// Sets the issuer and the audience that hints call the expected ones, if a user's JWT is missing or refused, or if
    /// the issuer's keys cannot be fetched. Which JWTs the endpoint accepts does not change.
    pub fn user_tokens(self, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { user_tokens: Some((issuer.into(), audience.into())), ..self }
    }
}

/// A rejected request and the settings of the endpoint that a hint compares it with.
pub(super) struct RejectedRequest<'a> {
    /// Method, path, headers and extensions.
    pub(super) head: &'a Parts,
    /// The body, which has not been checked.
    pub(super) body: &'a [u8],
    /// The header of the shared token.
    pub(super) token_header: &'a HeaderName,
    /// Whether the user's token may be the bearer token.
    pub(super) user_token_admits: bool,
    /// The configured path of runs.
    pub(super) run_path: &'a str,
    /// The paths of further agents.
    pub(super) agent_paths: Vec<&'a str>,
}

#[cfg(test)]
mod tests;
