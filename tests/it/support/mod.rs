//! What several tests share.

pub(crate) mod endpoint;
#[cfg(feature = "dev")]
pub(crate) mod function;
#[cfg(feature = "dev")]
pub(crate) mod moto;
pub(crate) mod oracle;
pub(crate) mod outline;
pub(crate) mod scenario;
pub(crate) mod sse;

/// The Python of the project's own environment, with its tools.
#[cfg(feature = "dev")]
pub(crate) fn python() -> std::process::Command {
    let venv = std::env::var("VENV").unwrap_or_else(|_| format!("{}/.venv", env!("CARGO_MANIFEST_DIR")));
    let mut python = std::process::Command::new(format!("{venv}/bin/python"));
    python.current_dir(env!("CARGO_MANIFEST_DIR"));
    python
}

/// The folder of the streams that the tests record for the oracles.
#[cfg(feature = "dev")]
pub(crate) fn recordings() -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/recorded");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
