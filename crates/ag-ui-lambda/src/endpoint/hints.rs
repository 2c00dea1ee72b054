//! What a developer reads beside a rejection, in local work only: what is wrong with this very request, and what helps.
//!
//! A hint may repeat claims and what was sent, which a rejection never does otherwise. It may say where a secret is, but
//! never what it holds, because whoever is rejected has proven nothing. It is sent to the client as `error.hint` and is
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

/// Turns on hints for developers, and says what they need to know about the configuration.
///
/// Use it on a developer's own machine only: responses then repeat claims and what was sent.
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
    /// Creates hints that know nothing of the configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where developers find the shared token.
    ///
    /// `origin` is the end of a sentence that begins "Send the header ... with the token", such as "that the variable
    /// TOKEN holds". It must not be the token itself.
    pub fn token_origin(self, origin: impl Into<String>) -> Self {
        Self { token_origin: Some(origin.into()), ..self }
    }

    /// Says what the signer of a request is called, such as "machine", and which setting lists the trusted signers.
    pub fn trusted_signers(self, noun: impl Into<String>, setting: impl Into<String>) -> Self {
        Self { signers: Some((noun.into(), setting.into())), ..self }
    }

    /// Says which issuer and audience the users' JWTs have to name.
    pub fn user_tokens(self, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { user_tokens: Some((issuer.into(), audience.into())), ..self }
    }
}

/// A rejected request, with what the endpoint expected of it.
pub(super) struct RejectedRequest<'a> {
    /// Method, path, headers and extensions.
    pub(super) head: &'a Parts,
    /// The body, which has not been checked.
    pub(super) body: &'a [u8],
    /// The header of the shared token.
    pub(super) token_header: &'a HeaderName,
    /// The configured path of runs.
    pub(super) run_path: &'a str,
}

#[cfg(test)]
mod tests;
