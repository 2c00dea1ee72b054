//! How callers are authenticated: the shared token, claims of the entry point, and the user's own JWT.

mod cognito;
mod issuer_keys;
mod jwt_alone;
mod jwt_attacks;
mod modes;
mod shared_token;
mod token_flood;
mod two_proofs;
