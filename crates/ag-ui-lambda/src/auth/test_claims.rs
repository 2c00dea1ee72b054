//! Claims and their sources, for the tests of this module.

use serde_json::Value;

use super::{ClaimSource, Claims};

/// An authorizer that passes on the claims of a token.
pub(super) const TOKEN_AUTHORIZER: ClaimSource = ClaimSource::Authorizer { name: "jwt", caller_claim: None };
/// An authorizer of the application's own, which names the caller in `principalId`.
pub(super) const CUSTOM_AUTHORIZER: ClaimSource =
    ClaimSource::Authorizer { name: "custom", caller_claim: Some("principalId") };
/// A signature of the request, by a signer that may sign for many users.
pub(super) const SIGNED_REQUEST: ClaimSource = ClaimSource::SignedRequest {
    name: "signed",
    signer_claim: "signer",
    pooled_user_claim: Some("pooledUser"),
};

/// The claims in a JSON object.
pub(super) fn claims(source: ClaimSource, values: Value) -> Claims {
    let Value::Object(values) = values else { panic!("claims are an object") };
    Claims::new(source, values)
}
