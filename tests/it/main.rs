//! What the crate promises, tested through its public surface.
//!
//! The core's tests need nothing but cargo. Those behind the feature `dev` drive the real function binary and
//! use what `make test` installs.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]
#![cfg_attr(
    feature = "dev",
    expect(clippy::disallowed_methods, reason = "the ban on reading the environment is for the function")
)]

mod agent;
mod approvals;
#[cfg(feature = "dev")]
mod clients;
mod dependencies;
#[cfg(feature = "dev")]
mod dojo;
mod endpoint;
#[cfg(feature = "dev")]
mod events;
mod layers;
#[cfg(feature = "dev")]
mod observability;
#[cfg(feature = "dev")]
mod poison;
mod protocol;
#[cfg(feature = "dev")]
mod rotation;
#[cfg(feature = "dev")]
mod secret_outage;
mod shown;
#[cfg(feature = "dev")]
mod shown_to_clients;
#[cfg(feature = "dev")]
mod startup;
#[cfg(feature = "dev")]
mod streaming;
mod support;
mod transcript;
mod turns;
#[cfg(feature = "dev")]
mod wires;
