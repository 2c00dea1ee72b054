//! What the endpoint proves about a caller.

pub mod token;
