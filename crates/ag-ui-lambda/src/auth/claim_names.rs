//! The names of the claims that this crate reads itself, each written once.
//!
//! Claims that only one vendor's authorizers write are not here: a [`ClaimSource`](super::ClaimSource) names them.

/// The issuer of a token.
///
/// Source: RFC 7519 section 4.1.1.
pub(crate) const ISSUER: &str = "iss";

/// The subject of a token: the user.
///
/// Source: RFC 7519 section 4.1.2.
pub(crate) const SUBJECT: &str = "sub";

/// The user's organisation, unless the configuration names another claim.
pub(crate) const ORGANIZATION: &str = "custom:org_id";
