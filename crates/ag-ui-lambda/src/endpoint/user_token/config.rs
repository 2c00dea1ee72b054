//! Which user tokens count, as the operator says.

use super::Algorithm;

/// Which user tokens count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTokenConfig {
    /// The `iss` claim, exactly.
    pub issuer: String,
    /// The `aud` claim, or one of its entries; the `client_id` of a Cognito access token.
    pub audience: String,
    /// Where the issuer publishes its keys: `https`, or `http` on this machine. `None`: where the issuer's discovery document
    /// says, and then `issuer` has to be such an address.
    pub jwks_url: Option<String>,
    /// The algorithms that count; empty means RS256 and ES256.
    pub algorithms: Vec<Algorithm>,
}
