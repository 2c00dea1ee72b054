//! Every answer to a request that gets no run, with its one status and code.
//!
//! The text of a [`Rejection`] is the `message` that the client reads: one or two sentences that a chat may show to its
//! user. They name what is wrong, the limit and what helps. They never repeat what was sent, and nothing in them is
//! internal. The members `code`, `path` and `reason` are for programs.

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::json;

use super::body::{ResponseBody, json_response};
use super::refusal::Refusal;
use crate::agent::StartRunError;
use crate::auth::{AuthError, Claims, UserTokenError};
use crate::budget::{BudgetRefusal, SubjectKind};
use crate::json::{ReadError, ReadProblem};
use crate::protocol::{InputError, InputProblem, ReadInputError};

/// The header `Retry-After` of a 503, in seconds: something that the check needs could not be fetched.
const RETRY_AFTER_S: &str = "5";

/// Why an authenticated caller is forbidden to use the agent. The client does not read it.
#[derive(Debug)]
pub(super) enum ForbiddenReason {
    /// The user's token and the authorizer's claims name different callers.
    ConflictingProofs,
    /// The environment serves another tenant.
    OtherTenant,
    /// The application's function that turns claims into a caller has refused these claims.
    Claims(Box<Claims>),
}

/// Why a request is answered with an error status and no run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    /// Nothing is served at this path.
    #[error("There is nothing at this address. Please check the address of the agent.")]
    NotFound,
    /// Another method serves this path.
    #[error("This address accepts only {allowed} requests.")]
    MethodNotAllowed { allowed: Method },
    /// The caller could not be authenticated, or not at the moment.
    #[error("{}", auth_message(*.0))]
    Unauthenticated(#[from] AuthError),
    /// The body is not declared to be JSON.
    #[error("The request has the wrong content type. It must be application/json.")]
    UnsupportedMediaType,
    /// The body is longer than the limit.
    #[error("{}", body_too_large_message(*.bytes, *.limit))]
    BodyTooLarge {
        /// The length of the body; `None` if it was not announced, because only the limit was read then.
        bytes: Option<usize>,
        limit: usize,
    },
    /// The body ended before it was complete, or a layer in front of the endpoint refused to read it.
    #[error("The request did not arrive completely. Please try again.")]
    BodyUnreadable,
    /// The caller is known and may not use the agent.
    #[error("You are not allowed to use this agent. Please sign in with another account.")]
    Forbidden(ForbiddenReason),
    /// The body is not JSON, or an object in it has two members of one name.
    #[error(
        "The application sent a request that {}, at line {}, column {}.", json_problem(.0), .0.line, .0.column
    )]
    BadJson(#[from] ReadError),
    /// The body is JSON, but not the input of a run.
    #[error("The application sent a request that cannot be read: {0}.")]
    BadInput(InputError),
    /// The body is the input of a run, but a part of it is larger than the limits allow.
    #[error("The request is too large: {0}. Please start a new conversation or send less.")]
    InputTooLarge(InputError),
    /// The client speaks a major version of AG-UI other than 1.
    #[error("The application uses an unsupported version of AG-UI: /protocolVersion must name a version 1.")]
    UnsupportedProtocolVersion,
    /// The agent refuses to start the run.
    #[error("{}", run_message(.0))]
    Run(#[from] StartRunError),
    /// The application does not admit the run.
    #[error("{0}")]
    NotAdmitted(Refusal),
    /// A budget of the caller has no room for the run.
    #[error("{}", budget_message(.0))]
    BudgetUsed(BudgetRefusal),
    /// The application's code that admits runs did not decide in time.
    #[error("Your request cannot be checked right now. Please try again in a moment.")]
    AdmissionUnavailable,
    /// The application's code that admits runs has panicked.
    #[error("Something went wrong. Please try again.")]
    Internal,
    /// The response would be longer than the entry point can send.
    #[error(
        "The answer is too long: at most {limit} bytes can be sent. \
         Its actions may have been carried out. Please ask for a shorter answer."
    )]
    ResponseTooLarge { limit: usize },
}

impl From<BudgetRefusal> for Rejection {
    /// Refuses a run for which a budget has no room.
    fn from(refusal: BudgetRefusal) -> Self {
        Self::BudgetUsed(refusal)
    }
}

impl From<InputError> for Rejection {
    /// Tells an input that is malformed from one that is too large.
    fn from(error: InputError) -> Self {
        match error.problem.is_limit() {
            true => Self::InputTooLarge(error),
            false => Self::BadInput(error),
        }
    }
}

impl From<ReadInputError> for Rejection {
    /// Tells a body that is not JSON from one that is not an input.
    fn from(error: ReadInputError) -> Self {
        match error {
            ReadInputError::Json(error) => Self::BadJson(error),
            ReadInputError::Input(error) => error.into(),
        }
    }
}

impl Rejection {
    /// Returns the HTTP status of the response.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated(
                AuthError::TokenUnavailable | AuthError::UserToken(UserTokenError::KeysUnavailable),
            )
            | Self::Run(StartRunError::ApprovalKeyUnavailable)
            | Self::AdmissionUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. }
            | Self::InputTooLarge(InputError { problem: InputProblem::TooLarge { .. }, .. }) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BodyUnreadable
            | Self::BadJson(_)
            | Self::BadInput(_)
            | Self::InputTooLarge(_)
            | Self::UnsupportedProtocolVersion
            | Self::Run(StartRunError::ToolNameTaken { .. }) => StatusCode::BAD_REQUEST,
            Self::NotAdmitted(refusal) => refusal.status(),
            Self::BudgetUsed(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal | Self::ResponseTooLarge { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the member `code` of the response, such as `BODY_TOO_LARGE`. Programs compare it, so it must not
    /// change.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::Unauthenticated(AuthError::TokenUnavailable)
            | Self::Run(StartRunError::ApprovalKeyUnavailable) => "SECRET_UNAVAILABLE",
            Self::Unauthenticated(AuthError::UserToken(UserTokenError::KeysUnavailable)) => {
                "KEYS_UNAVAILABLE"
            }
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::BodyTooLarge { .. }
            | Self::InputTooLarge(InputError { problem: InputProblem::TooLarge { .. }, .. }) => {
                "BODY_TOO_LARGE"
            }
            Self::BodyUnreadable => "BODY_UNREADABLE",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::BadJson(_) => "BAD_JSON",
            Self::BadInput(_) | Self::InputTooLarge(_) => "BAD_INPUT",
            Self::UnsupportedProtocolVersion => "UNSUPPORTED_PROTOCOL_VERSION",
            Self::Run(StartRunError::ToolNameTaken { .. }) => "TOOL_NAME_TAKEN",
            Self::NotAdmitted(refusal) => refusal.code(),
            Self::AdmissionUnavailable => "ADMISSION_UNAVAILABLE",
            Self::BudgetUsed(_) => "BUDGET_USED",
            Self::Internal => "INTERNAL",
            Self::ResponseTooLarge { .. } => "RESPONSE_TOO_LARGE",
        }
    }

    /// Returns the member `reason` of the response, such as `token_expired`, if the end user's token is missing or
    /// does not count. `None` for every other rejection, also while the issuer's keys are unavailable.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated(AuthError::UserTokenMissing) => Some("token_missing"),
            Self::Unauthenticated(AuthError::UserToken(error)) => match error {
                UserTokenError::Refused(_) => Some("token_invalid"),
                UserTokenError::Expired => Some("token_expired"),
                UserTokenError::NotYetValid => Some("token_not_yet_valid"),
                UserTokenError::KeysUnavailable => None,
            },
            _ => None,
        }
    }

    /// Returns the `reason` for the log line of this rejection. For a refused user token it is the detailed reason,
    /// which the client must not learn; for a budget it says whose it is and why it has no room; otherwise it is the
    /// `reason` of the response.
    pub(super) fn reason_for_log(&self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated(AuthError::UserToken(UserTokenError::Refused(reason))) => Some(*reason),
            Self::BudgetUsed(BudgetRefusal { kind, is_held, .. }) => Some(match (kind, is_held) {
                (SubjectKind::User, false) => "user_used",
                (SubjectKind::User, true) => "user_held",
                (SubjectKind::Organization, false) => "org_used",
                (SubjectKind::Organization, true) => "org_held",
            }),
            other => other.reason(),
        }
    }

    /// Returns the member `path` of the response: the JSON Pointer to the part of the body that is wrong. `None` if
    /// the rejection is not about a part of the body.
    fn path(&self) -> Option<String> {
        match self {
            Self::BadInput(error) | Self::InputTooLarge(error) => Some(error.path.clone()),
            Self::UnsupportedProtocolVersion => Some("/protocolVersion".into()),
            Self::Run(StartRunError::ToolNameTaken { index }) => Some(format!("/tools/{index}/name")),
            _ => None,
        }
    }

    /// Returns the header that HTTP asks for with this status: `Allow`, `Retry-After` or `WWW-Authenticate`. `None`
    /// for any other status.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed { allowed } => {
                Some((header::ALLOW, HeaderValue::from_str(allowed.as_str()).ok()?))
            }
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Some((header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)))
            }
            Self::Unauthenticated(error) => Some((header::WWW_AUTHENTICATE, challenge(*error))),
            Self::NotAdmitted(refusal) => Some((header::RETRY_AFTER, refusal.retry_after_s()?.into())),
            Self::BudgetUsed(refusal) => Some((header::RETRY_AFTER, refusal.retry_after_s.into())),
            _ => None,
        }
    }

    /// Builds the response: the status, its header, and a JSON body with `code`, `message` and the members that
    /// apply. `hint` is for a developer, and is left out if it is `None`.
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

/// Returns the value of the header `WWW-Authenticate` for a 401. It names the error `invalid_token` only if the
/// request carried a user's token.
///
/// Source: RFC 6750 section 3.1.
fn challenge(error: AuthError) -> HeaderValue {
    HeaderValue::from_static(match error {
        AuthError::UserToken(_) => r#"Bearer error="invalid_token""#,
        _ => "Bearer",
    })
}

/// Returns the sentence that the client reads if the caller could not be authenticated.
///
/// Only a token that is right in everything else is described as expired or not yet valid. The sentence for any other
/// refused token gives no reason, because somebody who guesses tokens would learn from it.
fn auth_message(error: AuthError) -> &'static str {
    match error {
        AuthError::TokenMissing
        | AuthError::TokenRepeated
        | AuthError::TokenMismatch
        | AuthError::TokenNotUsed
        | AuthError::NoAuthorizer => {
            "You are not signed in, or the sign-in is not valid. Please sign in again."
        }
        AuthError::TokenUnavailable | AuthError::UserToken(UserTokenError::KeysUnavailable) => {
            "Your sign-in cannot be checked right now. Please try again in a moment."
        }
        AuthError::UserTokenMissing => "You are not signed in. Please sign in.",
        AuthError::UserToken(UserTokenError::Refused(_)) => {
            "Your sign-in is not valid. Please sign in again."
        }
        AuthError::UserToken(UserTokenError::Expired) => "Your sign-in has expired. Please sign in again.",
        AuthError::UserToken(UserTokenError::NotYetValid) => {
            "Your sign-in is not valid yet. Please try again in a moment."
        }
    }
}

/// Returns the sentences that the client reads if the body is longer than `limit`. They name the length of the body if it
/// is known.
fn body_too_large_message(bytes: Option<usize>, limit: usize) -> String {
    let size = match bytes {
        Some(bytes) => format!("it has {bytes} bytes, and at most {limit} are accepted"),
        None => format!("at most {limit} bytes are accepted"),
    };
    format!("The request is too long: {size}. Please start a new conversation or send less.")
}

/// Returns the sentences that the client reads if a budget has no room for a run.
fn budget_message(refusal: &BudgetRefusal) -> &'static str {
    match (refusal.is_held, refusal.kind) {
        (true, _) => {
            "Other answers that are being written need the rest of the budget of today. Please try again in a moment."
        }
        (false, SubjectKind::User) => {
            "You have used your budget of today. Please try again tomorrow: a new day begins at 00:00 UTC."
        }
        (false, SubjectKind::Organization) => {
            "Your organisation has used its budget of today. Please try again tomorrow: a new day begins at 00:00 UTC."
        }
    }
}

/// Returns the sentence that the client reads if a run cannot start.
fn run_message(error: &StartRunError) -> String {
    match *error == StartRunError::ApprovalKeyUnavailable {
        true => "This conversation cannot be checked right now. Please try again in a moment.".into(),
        false => format!("The application sent a request that cannot be served: {error}."),
    }
}

/// Returns the part of the message of [`Rejection::BadJson`] that names the problem: a repeated member, or invalid
/// JSON.
fn json_problem(error: &ReadError) -> &'static str {
    match error.problem {
        ReadProblem::DuplicateMember(_) => "names a member twice",
        _ => "is not valid JSON",
    }
}

#[cfg(test)]
mod tests;
