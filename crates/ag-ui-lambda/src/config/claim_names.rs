//! The default names of the claims that describe a caller, but for those that `auth` knows: `sub` and the organisation.
//!
//! [`PRINCIPAL_ID`] and [`USER_ARN`] are those in which AWS's entry points name a caller who has no `sub`.

/// The claim in which a Lambda authorizer names the caller.
pub(crate) const PRINCIPAL_ID: &str = "principalId";

/// The claim that holds the ARN of the IAM principal who has signed a request.
pub(crate) const USER_ARN: &str = "userArn";

/// The claim that holds the user's plan.
pub(super) const PLAN: &str = "custom:plan";

/// The claim that holds the scopes of a token, separated by spaces.
///
/// Source: RFC 8693 section 4.2.
pub(super) const SCOPE: &str = "scope";

/// The claim in which some identity providers, such as Microsoft Entra ID and Okta, write the scopes.
pub(super) const SCP: &str = "scp";

/// The claim in which some identity providers, such as Auth0, write the permissions.
pub(super) const PERMISSIONS: &str = "permissions";

/// The claim in which Cognito writes the groups of a user.
pub(super) const GROUPS: &str = "cognito:groups";
