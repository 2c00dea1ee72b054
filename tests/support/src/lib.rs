//! What the integration tests and the bench both need: AWS as moto plays it, and what points a function at a provider.
//!
//! What only the tests need is in `tests/it/support`.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]
#![expect(clippy::disallowed_methods, reason = "the ban on reading the environment is for the function")]

pub mod moto;
pub mod planted;
pub mod provider;

use std::path::PathBuf;
use std::process::Command;

/// The folder of the workspace, where every tool of the tests starts.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The Python of the project's own environment, with its tools.
pub fn python() -> Command {
    let mut python = Command::new(venv().join("bin/python"));
    python.current_dir(WORKSPACE);
    python
}

/// Where the project's own Python environment is.
pub fn venv() -> PathBuf {
    std::env::var("VENV").unwrap_or_else(|_| format!("{WORKSPACE}/.venv")).into()
}
