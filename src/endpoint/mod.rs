//! What the endpoint proves about a caller.

#[cfg(feature = "jwt")]
mod jwks;
pub mod token;
#[cfg(feature = "jwt")]
pub mod user_token;
