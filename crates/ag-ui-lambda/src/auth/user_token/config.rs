//! The configuration of users' JWTs.

use super::Algorithm;

/// Which users' JWTs count, and where the keys are that verify them.
#[expect(
    clippy::exhaustive_structs,
    reason = "whoever configures the verification has to decide on each of these"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTokenConfig {
    /// The issuer of the tokens. The claim `iss` has to be exactly this text.
    pub issuer: String,
    /// The audiences of the tokens, such as the ids of several apps. The claim `aud`, or one of its entries, has to be one of
    /// these texts. In an access token without `aud`, the claim `client_id` has to be.
    pub audiences: Vec<String>,
    /// The address of the issuer's key set: `https`, or `http` on this machine. If it is `None`, the address is in the
    /// issuer's discovery document, and then `issuer` has to be an address of this kind.
    pub jwks_url: Option<String>,
    /// The signature algorithms that are accepted. If the list is empty, RS256 and ES256 are.
    pub algorithms: Vec<Algorithm>,
}
