//! Code that the integration tests, the tests with hostile inputs and the bench share: the AWS emulator moto, the settings for
//! a model provider and its adapter in this process, the registry of secrets, and a client's checks of events.
//!
//! Code that only the tests need is in `tests/it/support`.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]
#![expect(clippy::disallowed_methods, reason = "the ban on reading the environment is for the function")]

pub mod conversation;
pub mod event_order;
pub mod hostile_bodies;
pub mod moto;
pub mod provider;
pub mod provider_model;
pub mod secrets;
pub mod sse;

use std::path::PathBuf;
use std::process::Command;

/// The folder of the workspace, in which the tests start their tools.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Returns a command that starts the Python of the project's own environment, in the folder of the workspace. The caller
/// adds the program and its arguments. The tests run moto and their Python programs with this command.
pub fn python() -> Command {
    let mut python = Command::new(venv().join("bin/python"));
    python.current_dir(WORKSPACE);
    python
}

/// Returns the folder of the environment in which SAM and cargo-lambda are installed.
pub fn sam_venv() -> PathBuf {
    format!("{WORKSPACE}/.venv-sam").into()
}

/// Returns the folder of the project's own Python environment: the value of `VENV`, or else `.venv` in the workspace.
/// Tests also run the programs in its folder `bin`.
pub fn venv() -> PathBuf {
    std::env::var("VENV").unwrap_or_else(|_| format!("{WORKSPACE}/.venv")).into()
}
