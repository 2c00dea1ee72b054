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
#[cfg(feature = "dev")]
mod agentcore;
mod approvals;
mod authorization;
mod client_compat;
mod client_input;
#[cfg(feature = "dev")]
mod clients;
#[cfg(feature = "dev")]
mod cognito;
mod dependencies;
#[cfg(feature = "dev")]
mod deploy;
#[cfg(feature = "dev")]
mod dojo;
#[cfg(feature = "dev")]
mod doors;
mod endpoint;
#[cfg(feature = "dev")]
mod events;
#[cfg(feature = "dev")]
mod forward;
#[cfg(feature = "dev")]
mod front_ends;
mod layers;
#[cfg(feature = "dev")]
mod model_server;
#[cfg(feature = "dev")]
mod observability;
#[cfg(feature = "dev")]
mod poison;
mod protocol;
mod random_runs;
#[cfg(feature = "dev")]
mod rotate;
#[cfg(feature = "dev")]
mod rotation;
#[cfg(feature = "dev")]
mod secret_outage;
mod security;
mod shown;
#[cfg(feature = "dev")]
mod shown_to_clients;
#[cfg(feature = "dev")]
mod startup;
#[cfg(feature = "dev")]
mod streaming;
mod support;
#[cfg(feature = "dev")]
mod template;
mod transcript;
mod turns;
#[cfg(feature = "dev")]
mod user_tokens;
#[cfg(feature = "dev")]
mod wires;
