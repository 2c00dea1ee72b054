//! Authentication: who calls, and what is proven about the caller.
//!
//! A request can carry three proofs: the [shared token](SharedToken), the [`Claims`] that an authorizer in front of this
//! process has proven, and the end user's token, which a [`VerifyUser`] checks. `presented` reads the tokens from the headers
//! of a request, and the `authenticator` checks all proofs. Neither looks at the body. The result is the caller's [`Claims`],
//! and from them the [`Principal`] that approvals are bound to.
//!
//! Nothing here knows an HTTP status, a response or a vendor: `endpoint` turns an error of this module into a response,
//! and whoever decodes the requests of a vendor states the facts about its proofs in a [`ClaimSource`].

mod authenticator;
pub(crate) mod claim_names;
mod claim_source;
mod claims;
mod presented;
mod principal;
mod shared_token;
#[cfg(test)]
mod test_claims;
#[cfg(feature = "jwt")]
mod user_token;
mod verify_user;

pub use authenticator::AuthMode;
pub(crate) use authenticator::{AuthError, Authenticated, Authenticator};
pub use claim_source::ClaimSource;
pub(crate) use claims::CallerClaims;
pub use claims::{Claims, Forbidden};
pub(crate) use presented::USER_TOKEN_HEADER;
pub(crate) use principal::proven_user;
pub use principal::{Principal, PrincipalClaims};
pub use shared_token::{SharedToken, SharedTokenError};
#[cfg(feature = "jwt")]
pub use user_token::{Algorithm, UnknownAlgorithmError, UserTokenConfig, UserTokenConfigError, UserTokens};
pub use verify_user::{UserTokenError, VerifyUser};
