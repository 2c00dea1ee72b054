//! The names of the claims in which AWS's entry points name a caller who has no `sub`. `lambda` writes these claims, and they
//! are defaults of `AGUI_CLAIM_USER`.

/// The claim in which a Lambda authorizer names the caller.
pub(crate) const PRINCIPAL_ID: &str = "principalId";

/// The claim that holds the ARN of the IAM principal who has signed a request.
pub(crate) const USER_ARN: &str = "userArn";
