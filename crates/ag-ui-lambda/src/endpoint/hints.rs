//! What a developer reads beside a refusal, in local mode only: what is wrong with this very request and what helps.
//!
//! A hint may name claims and what was sent, which a refusal never does elsewhere, and where a secret is; never its value, since
//! whoever is refused has proven nothing. It goes to whoever sent the request, as `error.hint`, and never to the log. Without
//! [`DeveloperHints`] no hint is made.

mod input;
mod quote;

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use serde_json::{Map, Value};

use super::auth::USER_TOKEN;
use super::reject::{BadUserToken, ForbiddenBy, Reject, Unproven};
use super::{ClaimSource, Claims};
use crate::agent::Refusal;
use crate::suggest::nearest;
pub(super) use input::misspelt;
use quote::{quoted, shortened};

/// The longest list of claims, in characters.
const MAX_CLAIMS_CHARS: usize = 2000;

/// What a developer may be told beside a refusal: where the secrets of this endpoint are, and what it expects.
///
/// For work on one's own machine only: a refusal then repeats claims and what was sent.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct DeveloperHints {
    token: Option<TokenPlace>,
    user_tokens: Option<(String, String)>,
}

#[derive(Debug, Clone)]
enum TokenPlace {
    Variable,
    Secret(String),
}

impl DeveloperHints {
    /// Hints that know nothing of the endpoint's secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shared token is in the variable `AGUI_TOKEN`, which the development server makes and prints.
    pub fn token_variable(self) -> Self {
        Self { token: Some(TokenPlace::Variable), ..self }
    }

    /// Name of the secret that holds the shared token.
    pub fn token_secret(self, id: impl Into<String>) -> Self {
        Self { token: Some(TokenPlace::Secret(id.into())), ..self }
    }

    /// Issuer and audience of the users' JWTs.
    pub fn user_tokens(self, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { user_tokens: Some((issuer.into(), audience.into())), ..self }
    }

    /// The sentence beside a refusal; `None` where the refusal says all.
    pub(super) fn of(&self, reject: &Reject, request: &Refused<'_>) -> Option<String> {
        let headers = &request.head.headers;
        match reject {
            Reject::NotFound => Some(not_found(request)),
            Reject::MethodNotAllowed { allowed } => {
                Some(format!("Send {allowed} {}. {}", quoted(request.head.uri.path()), served(request.run_path)))
            }
            Reject::Unauthenticated(unproven) => Some(self.unproven(*unproven, request)),
            Reject::UserToken(bad) => Some(self.user_token(*bad)),
            Reject::SecretUnavailable => Some(
                "The secret with the shared token cannot be read: the log has the cause. On your own machine AGUI_TOKEN \
                 may hold the token itself."
                    .into(),
            ),
            Reject::KeysUnavailable => {
                Some(format!("The issuer's keys cannot be fetched: the log has the cause. {}", self.expected()))
            }
            Reject::UnsupportedMediaType => Some(media_type(headers)),
            Reject::BodyTooLarge { .. } => Some("AGUI_MAX_BODY_BYTES sets the limit.".into()),
            Reject::Forbidden(by) => Some(forbidden(by)),
            Reject::BadJson { line, column, .. } => input::around(request.body, *line, *column),
            Reject::BadInput(fault) => input::at_fault(request.body, fault),
            Reject::UnsupportedProtocolVersion => {
                let sent = input::value_at(request.body, "/protocolVersion").map(|sent| input::described(&sent));
                Some(format!("{} Send \"1.0\", or leave it out.", sent.unwrap_or_default()))
            }
            Reject::Run(Refusal::NameTaken(taken)) => {
                let name = input::value_at(request.body, &format!("/tools/{}/name", taken.index))?;
                Some(format!(
                    "The front end's tool {} has the name of a tool of this agent, or of another tool of the front end. \
                     Rename it, or leave it out.",
                    quoted(name.as_str()?)
                ))
            }
            Reject::Run(Refusal::ApprovalKeyUnavailable) => Some(
                "The key of approvals cannot be read: the log has the cause. On your own machine AGUI_APPROVAL_KEY may \
                 hold the key itself."
                    .into(),
            ),
            Reject::ResponseTooLarge { .. } => None,
        }
    }

    /// What is missing for the caller to be authenticated.
    fn unproven(&self, unproven: Unproven, request: &Refused<'_>) -> String {
        let header = request.token_header;
        let has_header = request.head.headers.contains_key(header);
        match unproven {
            Unproven::NoAuthorizer => no_authorizer(request.head.extensions.get()),
            Unproven::TokenTwice => format!("The shared token was sent twice. {}", self.send_token(header)),
            Unproven::WrongToken if has_header => {
                format!(
                    "The value of the header {header} is not the shared token. {}",
                    self.send_token(header)
                )
            }
            Unproven::WrongToken => {
                format!(
                    "The value of `Authorization: Bearer` is not the shared token. {}",
                    self.send_token(header)
                )
            }
            Unproven::NoToken if request.head.headers.contains_key(AUTHORIZATION) => format!(
                "The header authorization has another scheme than `Bearer`, and the header {header} is missing. {}",
                self.send_token(header)
            ),
            Unproven::NoToken => format!("The header {header} is missing. {}", self.send_token(header)),
        }
    }

    fn send_token(&self, header: &HeaderName) -> String {
        match &self.token {
            Some(TokenPlace::Variable) => format!(
                "Send the header {header} with the token that the terminal has printed, or that AGUI_TOKEN holds. \
                 `Authorization: Bearer` works, too."
            ),
            Some(TokenPlace::Secret(id)) => format!(
                "Send the header {header} with the token that the secret {id} of AWS Secrets Manager holds. \
                 `Authorization: Bearer` works, too."
            ),
            None => {
                format!("Send the shared token in the header {header}. `Authorization: Bearer` works, too.")
            }
        }
    }

    fn user_token(&self, bad: BadUserToken) -> String {
        let expected = self.expected();
        match bad {
            BadUserToken::Missing => format!("Send the user's JWT in the header {USER_TOKEN}. {expected}"),
            BadUserToken::Invalid(why) => {
                format!("The JWT in the header {USER_TOKEN} is refused: {why}. {expected}")
            }
            BadUserToken::Expired => {
                format!("The JWT in the header {USER_TOKEN} has expired: get a new one.")
            }
            BadUserToken::NotYetValid => {
                format!("The JWT in the header {USER_TOKEN} is not valid yet: compare the clocks.")
            }
        }
    }

    /// What is expected of the users' JWTs.
    fn expected(&self) -> String {
        match &self.user_tokens {
            Some((issuer, audience)) => {
                format!("Expected are the issuer {issuer} and the audience {audience}.")
            }
            None => String::new(),
        }
    }
}

/// A request that is refused.
pub(super) struct Refused<'a> {
    pub(super) head: &'a Parts,
    pub(super) body: &'a [u8],
    pub(super) token_header: &'a HeaderName,
    pub(super) run_path: &'a str,
}

fn served(run_path: &str) -> String {
    format!("Served are POST / and POST {run_path}, GET /capabilities and GET /health.")
}

fn not_found(request: &Refused<'_>) -> String {
    let near = nearest(request.head.uri.path(), ["/capabilities", "/health", request.run_path]);
    let suggestion = near.map(|path| format!("Did you mean {path}? ")).unwrap_or_default();
    format!("{suggestion}{}", served(request.run_path))
}

fn media_type(headers: &HeaderMap) -> String {
    let send = "Send the header content-type: application/json.";
    match headers.get(CONTENT_TYPE).and_then(|sent| sent.to_str().ok()) {
        Some(sent) => format!("The content type is {}. {send}", quoted(sent)),
        None => format!("The header content-type is missing. {send}"),
    }
}

fn no_authorizer(claims: Option<&Claims>) -> String {
    match claims.map(|claims| (claims.source(), claims.text("userArn"))) {
        Some((ClaimSource::Iam, Some(arn))) => {
            format!("The IAM principal {arn} is not listed in AGUI_IAM_PRINCIPALS.")
        }
        _ => "No authorizer has proven a caller, and AGUI_AUTH asks for one: choose an entry point with an authorizer, and \
              a person."
            .into(),
    }
}

fn forbidden(by: &ForbiddenBy) -> String {
    match by {
        ForbiddenBy::Proofs => {
            "The user's JWT and the authorizer's claims name different callers: issuer and subject must be the same."
                .into()
        }
        ForbiddenBy::Tenant => {
            "The caller's organisation is not the tenant that this environment is for: see AGUI_CLAIM_ORG.".into()
        }
        ForbiddenBy::Mapping(claims) if claims.is_empty() => {
            "The caller has no claims, and the function that makes a caller of claims refuses that: choose a person on the \
             page, or send the request through an entry point with an authorizer."
                .into()
        }
        ForbiddenBy::Mapping(claims) => format!(
            "The function that makes a caller of claims (the last argument of `aws::serve`) refuses these, of the source \
             {}: {}",
            claims.source().name(),
            shortened(&listed(claims.values()), MAX_CLAIMS_CHARS)
        ),
    }
}

fn listed(claims: &Map<String, Value>) -> String {
    let claims: Vec<String> = claims.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{}.", claims.join(", "))
}

#[cfg(test)]
mod tests;
