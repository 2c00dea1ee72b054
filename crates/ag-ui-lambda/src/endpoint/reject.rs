//! Every refusal, with its one status and code.
//!
//! The text of a refusal is the `message` that the client reads: one or two sentences that a chat may show to its user.
//! They say what is wrong, where the limit is, and what helps. They never repeat what was sent, and nothing in them is
//! internal. `code`, `path` and `reason` are for programs.

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::Claims;
use super::body::{ResponseBody, json as json_response};
use crate::agent::Refusal;
use crate::json;
use crate::protocol::BadInput;

/// How long a client should wait before it asks again for what could not be fetched, in seconds.
const RETRY_AFTER_S: &str = "5";

/// What is wrong with a user's token, as far as the client may know: a code and a sentence, both fixed.
///
/// The times are told of a token that is right in all else. Of any other nothing is: who guesses would learn from it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum BadUserToken {
    #[error("You are not signed in. Please sign in.")]
    Missing,
    /// With the reason for the log.
    #[error("Your sign-in is not valid. Please sign in again.")]
    Invalid(&'static str),
    #[error("Your sign-in has expired. Please sign in again.")]
    Expired,
    #[error("Your sign-in is not valid yet. Please try again in a moment.")]
    NotYetValid,
}

impl BadUserToken {
    fn reason(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Invalid(_) => "token_invalid",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
        }
    }

    /// Source: RFC 6750 section 3.1: no error where nothing was presented.
    fn challenge(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Missing => "Bearer",
            Self::Invalid(_) | Self::Expired | Self::NotYetValid => r#"Bearer error="invalid_token""#,
        })
    }
}

/// What is missing of a proof of who calls, beside the user's token. The client does not read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unproven {
    /// No token was presented.
    NoToken,
    /// The token's header was sent twice.
    TokenTwice,
    /// What was presented is not the token.
    WrongToken,
    /// No authorizer has proven a caller.
    NoAuthorizer,
}

/// What a caller is forbidden by. The client does not read it.
#[derive(Debug)]
pub(super) enum ForbiddenBy {
    /// Two proofs name different callers.
    Proofs,
    /// The environment is for another tenant.
    Tenant,
    /// The application's mapping refuses these claims.
    Mapping(Box<Claims>),
}

/// Why a request is answered with a status and not with a run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reject {
    #[error("There is nothing at this address. Please check the address of the agent.")]
    NotFound,
    #[error("This address accepts only {allowed} requests.")]
    MethodNotAllowed { allowed: Method },
    #[error("You are not signed in, or the sign-in is not valid. Please sign in again.")]
    Unauthenticated(Unproven),
    #[error(transparent)]
    UserToken(#[from] BadUserToken),
    #[error("Your sign-in cannot be checked right now. Please try again in a moment.")]
    SecretUnavailable,
    #[error("Your sign-in cannot be checked right now. Please try again in a moment.")]
    KeysUnavailable,
    #[error("The request has the wrong content type. It must be application/json.")]
    UnsupportedMediaType,
    #[error(
        "The request is too long: it has {bytes} bytes, and at most {limit} are accepted. \
         Please start a new conversation or send less."
    )]
    BodyTooLarge { bytes: usize, limit: usize },
    #[error("You are not allowed to use this agent. Please sign in with another account.")]
    Forbidden(ForbiddenBy),
    #[error("The application sent a request that {problem}, at line {line}, column {column}.")]
    BadJson { problem: &'static str, line: usize, column: usize },
    #[error("The application sent a request that cannot be read: {0}.")]
    BadInput(#[from] BadInput),
    #[error("The application uses an unsupported version of AG-UI: /protocolVersion must name a version 1.")]
    UnsupportedProtocolVersion,
    #[error("{}", run_message(.0))]
    Run(#[from] Refusal),
    #[error(
        "The answer is too long: at most {limit} bytes can be sent. \
         Its actions may have been carried out. Please ask for a shorter answer."
    )]
    ResponseTooLarge { limit: usize },
}

impl Reject {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated(_) | Self::UserToken(_) => StatusCode::UNAUTHORIZED,
            Self::SecretUnavailable | Self::KeysUnavailable | Self::Run(Refusal::ApprovalKeyUnavailable) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadJson { .. }
            | Self::BadInput(_)
            | Self::UnsupportedProtocolVersion
            | Self::Run(Refusal::NameTaken(_)) => StatusCode::BAD_REQUEST,
            Self::ResponseTooLarge { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::Unauthenticated(_) | Self::UserToken(_) => "UNAUTHENTICATED",
            Self::SecretUnavailable | Self::Run(Refusal::ApprovalKeyUnavailable) => "SECRET_UNAVAILABLE",
            Self::KeysUnavailable => "KEYS_UNAVAILABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::BodyTooLarge { .. } => "BODY_TOO_LARGE",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::BadJson { .. } => "BAD_JSON",
            Self::BadInput(_) => "BAD_INPUT",
            Self::UnsupportedProtocolVersion => "UNSUPPORTED_PROTOCOL_VERSION",
            Self::Run(Refusal::NameTaken(_)) => "TOOL_NAME_TAKEN",
            Self::ResponseTooLarge { .. } => "RESPONSE_TOO_LARGE",
        }
    }

    /// What is wrong with the user's token.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::UserToken(bad) => Some(bad.reason()),
            _ => None,
        }
    }

    /// What is wrong with the user's token, in more words than the client gets.
    pub(super) fn reason_for_log(&self) -> Option<&'static str> {
        match self {
            Self::UserToken(BadUserToken::Invalid(why)) => Some(*why),
            other => other.reason(),
        }
    }

    /// JSON Pointer of what is wrong in the body.
    fn path(&self) -> Option<String> {
        match self {
            Self::BadInput(fault) => Some(fault.path.clone()),
            Self::UnsupportedProtocolVersion => Some("/protocolVersion".into()),
            Self::Run(Refusal::NameTaken(taken)) => Some(format!("/tools/{}/name", taken.index)),
            _ => None,
        }
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed { allowed } => {
                Some((header::ALLOW, HeaderValue::from_str(allowed.as_str()).ok()?))
            }
            Self::Unauthenticated(_) => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::UserToken(bad) => Some((header::WWW_AUTHENTICATE, bad.challenge())),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Some((header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)))
            }
            _ => None,
        }
    }

    /// The response, with a `hint` for the developer where there is one.
    pub(super) fn into_response(self, hint: Option<String>) -> Response<ResponseBody> {
        let mut error = json!({ "code": self.code(), "message": self.to_string() });
        if let Some(path) = self.path() {
            error["path"] = path.into();
        }
        if let Some(reason) = self.reason() {
            error["reason"] = reason.into();
        }
        if let Some(hint) = hint {
            error["hint"] = hint.into();
        }
        let mut response = json_response(self.status(), &json!({ "error": error }));
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// What the client reads where a run does not begin.
fn run_message(refusal: &Refusal) -> String {
    match *refusal == Refusal::ApprovalKeyUnavailable {
        true => "This conversation cannot be checked right now. Please try again in a moment.".into(),
        false => format!("The application sent a request that cannot be served: {refusal}."),
    }
}

impl From<json::ReadError> for Reject {
    fn from(fault: json::ReadError) -> Self {
        let problem = if fault.twice.is_some() { "names a member twice" } else { "is not valid JSON" };
        Self::BadJson { problem, line: fault.line, column: fault.column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::NameTaken;

    #[test]
    fn every_message_is_whole_sentences_that_a_chat_may_show() {
        let bad_input = |path: &str, problem| Reject::BadInput(BadInput { path: path.into(), problem });
        let bad_json = |text: &str| Reject::from(crate::json::read(text.as_bytes()).unwrap_err());
        for (reject, message) in [
            (Reject::NotFound, "There is nothing at this address. Please check the address of the agent."),
            (Reject::MethodNotAllowed { allowed: Method::POST }, "This address accepts only POST requests."),
            (
                Reject::Unauthenticated(Unproven::NoToken),
                "You are not signed in, or the sign-in is not valid. Please sign in again.",
            ),
            (BadUserToken::Missing.into(), "You are not signed in. Please sign in."),
            (BadUserToken::Invalid("no key fits").into(), "Your sign-in is not valid. Please sign in again."),
            (BadUserToken::Expired.into(), "Your sign-in has expired. Please sign in again."),
            (
                BadUserToken::NotYetValid.into(),
                "Your sign-in is not valid yet. Please try again in a moment.",
            ),
            (
                Reject::SecretUnavailable,
                "Your sign-in cannot be checked right now. Please try again in a moment.",
            ),
            (
                Reject::KeysUnavailable,
                "Your sign-in cannot be checked right now. Please try again in a moment.",
            ),
            (
                Reject::UnsupportedMediaType,
                "The request has the wrong content type. It must be application/json.",
            ),
            (
                Reject::BodyTooLarge { bytes: 7_340_032, limit: 6_291_456 },
                "The request is too long: it has 7340032 bytes, and at most 6291456 are accepted. \
                 Please start a new conversation or send less.",
            ),
            (
                Reject::Forbidden(ForbiddenBy::Tenant),
                "You are not allowed to use this agent. Please sign in with another account.",
            ),
            (bad_json("{]"), "The application sent a request that is not valid JSON, at line 1, column 2."),
            (
                bad_json(r#"{"a":1,"a":2}"#),
                "The application sent a request that names a member twice, at line 1, column 13.",
            ),
            (
                bad_input("/messages", "must be an array"),
                "The application sent a request that cannot be read: /messages must be an array.",
            ),
            (
                bad_input("", "must be an object"),
                "The application sent a request that cannot be read: the body must be an object.",
            ),
            (
                Reject::UnsupportedProtocolVersion,
                "The application uses an unsupported version of AG-UI: /protocolVersion must name a version 1.",
            ),
            (
                Reject::Run(NameTaken { index: 3 }.into()),
                "The application sent a request that cannot be served: /tools/3/name is taken by another tool.",
            ),
            (
                Reject::Run(Refusal::ApprovalKeyUnavailable),
                "This conversation cannot be checked right now. Please try again in a moment.",
            ),
            (
                Reject::ResponseTooLarge { limit: 6_275_072 },
                "The answer is too long: at most 6275072 bytes can be sent. \
                 Its actions may have been carried out. Please ask for a shorter answer.",
            ),
        ] {
            let text = reject.to_string();
            assert_eq!(text, message);
            assert!(text.starts_with(char::is_uppercase) && text.ends_with('.'), "{text}");
            assert!(!text.contains('\n'), "{text}");
        }
    }
}
