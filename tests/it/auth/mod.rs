//! How callers are authenticated: the shared token, claims of the entry point, and the user's own JWT.

mod cognito;
mod issuer_keys;
mod jwt_attacks;
mod modes;
mod shared_token;
mod two_proofs;
