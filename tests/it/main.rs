//! What the crate promises, tested through its public surface.
//!
//! Most drive the real function binary, and use what `make test` installs.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]
#![expect(clippy::disallowed_methods, reason = "the ban on reading the environment is for the function")]

mod agent;
mod agentcore;
mod approvals;
mod authorization;
mod client_compat;
mod client_input;
mod clients;
mod cognito;
mod dependencies;
mod deploy;
mod dojo;
mod doors;
mod endpoint;
mod events;
mod forward;
mod front_ends;
mod interface_emulator;
mod local;
mod model_server;
mod observability;
mod poison;
mod protocol;
mod random_runs;
mod rotate;
mod rotation;
mod secret_outage;
mod security;
mod shown;
mod shown_to_clients;
mod startup;
mod streaming;
mod support;
mod template;
mod transcript;
mod turns;
mod user_tokens;
mod wires;
