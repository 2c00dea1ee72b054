//! The sources of claims at AWS's entry points: the values that [`Claims::source`](crate::auth::Claims::source) returns for
//! callers of this function.
//!
//! The names are written to the log, and approvals are bound to them, so they must not change.

use crate::auth::ClaimSource;
use crate::config::claim_names::{PRINCIPAL_ID, USER_ARN};

/// The claim that names the user of a Cognito identity pool, all of whose users share one IAM role.
pub(super) const COGNITO_IDENTITY_ID: &str = "cognitoIdentityId";

/// The claims come from the JWT authorizer of an HTTP API.
pub const JWT_AUTHORIZER: ClaimSource = ClaimSource::Authorizer { name: "jwt", caller_claim: None };

/// The claims come from the Cognito authorizer of a REST API.
pub const COGNITO_AUTHORIZER: ClaimSource = ClaimSource::Authorizer { name: "cognito", caller_claim: None };

/// The claims come from a Lambda authorizer of a REST API or an HTTP API. It proves a caller only if it returns a
/// `principalId`.
pub const LAMBDA_AUTHORIZER: ClaimSource =
    ClaimSource::Authorizer { name: "lambda", caller_claim: Some(PRINCIPAL_ID) };

/// An IAM principal who has signed the request.
pub const IAM: ClaimSource = ClaimSource::SignedRequest {
    name: "iam",
    signer_claim: USER_ARN,
    pooled_user_claim: Some(COGNITO_IDENTITY_ID),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_since_approvals_are_bound_to_them() {
        let names = [JWT_AUTHORIZER, COGNITO_AUTHORIZER, LAMBDA_AUTHORIZER, IAM].map(ClaimSource::name);
        assert_eq!(names, ["jwt", "cognito", "lambda", "iam"]);
        assert_eq!(
            [ClaimSource::None, ClaimSource::UserToken, ClaimSource::Session].map(ClaimSource::name),
            ["none", "user-token", "session"]
        );
    }
}
