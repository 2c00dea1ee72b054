//! Every refusal, with its one status and code.
//!
//! A refusal says what is wrong and where the limit is. It never repeats what was sent.

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::{Forbidden, ResponseBody};
use crate::agent::Refusal;
use crate::json::TWICE;
use crate::protocol::BadInput;

/// How long a client should wait before it asks again for what could not be fetched, in seconds.
const RETRY_AFTER_S: &str = "5";

/// What is wrong with a user's token, as far as the client may know: a code and a sentence, both fixed.
///
/// The times are told of a token that is right in all else. Of any other nothing is: who guesses would learn from it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum BadUserToken {
    #[error("the user's token is missing")]
    Missing,
    /// With the reason for the log.
    #[error("the user's token is not valid")]
    Invalid(&'static str),
    #[error("the user's token has expired")]
    Expired,
    #[error("the user's token is not valid yet")]
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

/// Why a request is answered with a status and not with a run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reject {
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path takes {allowed} only")]
    MethodNotAllowed { allowed: Method },
    #[error("authentication is missing or wrong")]
    Unauthenticated,
    #[error(transparent)]
    UserToken(#[from] BadUserToken),
    #[error("the token cannot be checked right now")]
    SecretUnavailable,
    #[error("the user's token cannot be checked right now")]
    KeysUnavailable,
    #[error("the body must be application/json")]
    UnsupportedMediaType,
    #[error("body is {bytes} bytes, limit is {limit}")]
    BodyTooLarge { bytes: usize, limit: usize },
    #[error("the caller is not allowed to do this")]
    Forbidden,
    #[error("the body {problem}: line {line}, column {column}")]
    BadJson { problem: &'static str, line: usize, column: usize },
    #[error(transparent)]
    BadInput(#[from] BadInput),
    #[error("/protocolVersion names another major version than 1")]
    UnsupportedProtocolVersion,
    #[error(transparent)]
    Run(#[from] Refusal),
    #[error("the answer is longer than the {limit} bytes that this front door takes")]
    ResponseTooLarge { limit: usize },
}

impl Reject {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated | Self::UserToken(_) => StatusCode::UNAUTHORIZED,
            Self::SecretUnavailable | Self::KeysUnavailable | Self::Run(Refusal::ApprovalKeyUnavailable) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Forbidden => StatusCode::FORBIDDEN,
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
            Self::Unauthenticated | Self::UserToken(_) => "UNAUTHENTICATED",
            Self::SecretUnavailable | Self::Run(Refusal::ApprovalKeyUnavailable) => "SECRET_UNAVAILABLE",
            Self::KeysUnavailable => "KEYS_UNAVAILABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::BodyTooLarge { .. } => "BODY_TOO_LARGE",
            Self::Forbidden => "FORBIDDEN",
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
            Self::Unauthenticated => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::UserToken(bad) => Some((header::WWW_AUTHENTICATE, bad.challenge())),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Some((header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)))
            }
            _ => None,
        }
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let mut error = json!({ "code": self.code(), "message": self.to_string() });
        if let Some(path) = self.path() {
            error["path"] = path.into();
        }
        if let Some(reason) = self.reason() {
            error["reason"] = reason.into();
        }
        let mut response = super::json(self.status(), &json!({ "error": error }));
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Forbidden> for Reject {
    fn from(_: Forbidden) -> Self {
        Self::Forbidden
    }
}

impl From<serde_json::Error> for Reject {
    fn from(fault: serde_json::Error) -> Self {
        let is_twice = fault.to_string().starts_with(TWICE);
        let problem = if is_twice { "names a member twice" } else { "is not valid JSON" };
        Self::BadJson { problem, line: fault.line(), column: fault.column() }
    }
}
