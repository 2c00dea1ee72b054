//! What the crate promises, tested through its public surface.
//!
//! The core's tests need nothing but cargo. Those behind the feature `dev` drive the real function binary and
//! use what `make test` installs.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod agent;
mod layers;
mod support;
mod transcript;
