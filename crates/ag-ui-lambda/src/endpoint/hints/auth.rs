//! Hints about the caller: what is missing or wrong in the proofs of a request, and why a caller is forbidden.

use http::header::{AUTHORIZATION, HeaderName};
use serde_json::{Map, Value};

use super::quote::shortened;
use super::{DeveloperHints, RejectedRequest};
use crate::auth::{AuthError, Claims, USER_TOKEN_HEADER, UserTokenError};
use crate::endpoint::rejection::ForbiddenReason;

/// The longest list of claims, in characters.
const MAX_CLAIMS_CHARS: usize = 2000;

/// Returns the hint for a request whose caller could not be authenticated: what is missing or wrong, and what to send
/// instead.
pub(super) fn explain_auth_error(
    hints: &DeveloperHints,
    error: AuthError,
    request: &RejectedRequest<'_>,
) -> String {
    let (header, headers) = (request.token_header, &request.head.headers);
    let (send, expected) = (explain_token_header(hints, header), describe_expected_user_token(hints));
    let user_token_header =
        if headers.contains_key(USER_TOKEN_HEADER) { USER_TOKEN_HEADER } else { AUTHORIZATION };
    match error {
        AuthError::NoAuthorizer => explain_missing_authorizer(hints, request.head.extensions.get()),
        AuthError::TokenRepeated => format!("The shared token was sent twice. {send}"),
        AuthError::TokenMismatch if headers.contains_key(header) => {
            format!("The value of the header {header} is not the shared token. {send}")
        }
        AuthError::TokenMismatch => {
            format!("The value of `Authorization: Bearer` is not the shared token. {send}")
        }
        AuthError::TokenMissing if headers.contains_key(AUTHORIZATION) => format!(
            "The header authorization has another scheme than `Bearer`, and the header {header} is missing. {send}"
        ),
        AuthError::TokenMissing => format!("The header {header} is missing. {send}"),
        AuthError::TokenNotUsed if headers.contains_key(header) => format!(
            "AGUI_AUTH is `jwt`, so there is no shared token: leave out the header {header}, and send the user's JWT alone."
        ),
        AuthError::TokenNotUsed => format!(
            "The value of `Authorization: Bearer` is no JWT, and AGUI_AUTH is `jwt`, so there is no shared token. {expected}"
        ),
        AuthError::TokenUnavailable => {
            "The secret with the shared token cannot be read: the log has the cause. On your own machine AGUI_TOKEN \
             may hold the token itself."
                .into()
        }
        AuthError::UserTokenMissing if request.user_token_admits => format!(
            "Send the user's JWT as `Authorization: Bearer`, or in the header {USER_TOKEN_HEADER}. {expected}"
        ),
        AuthError::UserTokenMissing => {
            format!("Send the user's JWT in the header {USER_TOKEN_HEADER}. {expected}")
        }
        AuthError::UserToken(UserTokenError::Refused(reason)) => {
            format!("The JWT in the header {user_token_header} is refused: {reason}. {expected}")
        }
        AuthError::UserToken(UserTokenError::Expired) => {
            format!("The JWT in the header {user_token_header} has expired: get a new one.")
        }
        AuthError::UserToken(UserTokenError::NotYetValid) => {
            format!("The JWT in the header {user_token_header} is not valid yet: compare the clocks.")
        }
        AuthError::UserToken(UserTokenError::KeysUnavailable) => {
            format!("The issuer's keys cannot be fetched: the log has the cause. {expected}")
        }
    }
}

/// Returns the hint for a caller who is authenticated but forbidden to use the agent.
pub(super) fn explain_forbidden(reason: &ForbiddenReason) -> String {
    match reason {
        ForbiddenReason::ConflictingProofs => {
            "The user's JWT and the authorizer's claims name different callers: issuer and subject must be the same."
                .into()
        }
        ForbiddenReason::OtherTenant => {
            "The caller's organisation is not the tenant that this environment is for: see AGUI_CLAIM_ORG.".into()
        }
        ForbiddenReason::Claims(claims) if claims.is_empty() => {
            "The caller has no claims, and the function that makes a caller of claims refuses that: choose a person on the \
             page, or send the request through an entry point with an authorizer."
                .into()
        }
        ForbiddenReason::Claims(claims) => format!(
            "The function that makes a caller of claims (the last argument of `serve`) refuses these, of the source \
             {}: {}",
            claims.source().name(),
            shortened(&list_claims(claims.values()), MAX_CLAIMS_CHARS)
        ),
    }
}

/// Returns a sentence on how to send the shared token in `header`. It names where to find the token if the hints know
/// that.
fn explain_token_header(hints: &DeveloperHints, header: &HeaderName) -> String {
    match &hints.token_origin {
        Some(origin) => {
            format!("Send the header {header} with the token {origin}. `Authorization: Bearer` works, too.")
        }
        None => format!("Send the shared token in the header {header}. `Authorization: Bearer` works, too."),
    }
}

/// Explains why the endpoint, which requires an authorizer's proof, does not accept the `claims` of the request:
/// their signer is not trusted, or no authorizer has proven anything.
fn explain_missing_authorizer(hints: &DeveloperHints, claims: Option<&Claims>) -> String {
    match (claims.and_then(Claims::signer), &hints.signers) {
        (Some(signer), Some((noun, setting))) => format!("The {noun} {signer} is not listed in {setting}."),
        _ => "No authorizer has proven a caller, and AGUI_AUTH asks for one: choose an entry point with an authorizer, and \
              a person."
            .into(),
    }
}

/// Returns a sentence with the issuer and the audience that the users' JWTs must name. Empty if the hints do not know
/// them.
fn describe_expected_user_token(hints: &DeveloperHints) -> String {
    match &hints.user_tokens {
        Some((issuer, audience)) => format!("Expected are the issuer {issuer} and the audience {audience}."),
        None => String::new(),
    }
}

/// Returns a sentence that lists claims with their values.
fn list_claims(claims: &Map<String, Value>) -> String {
    let claims: Vec<String> = claims.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{}.", claims.join(", "))
}
