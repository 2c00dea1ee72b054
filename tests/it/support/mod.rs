//! What several tests share.

#[cfg(feature = "dev")]
pub(crate) mod collector;
pub(crate) mod conversation;
pub(crate) mod edits;
pub(crate) mod endpoint;
#[cfg(feature = "dev")]
pub(crate) mod fault_proxy;
#[cfg(feature = "dev")]
pub(crate) mod forge;
#[cfg(feature = "dev")]
pub(crate) mod function;
#[cfg(feature = "dev")]
pub(crate) mod log;
#[cfg(feature = "dev")]
pub(crate) mod moto;
pub(crate) mod oracle;
#[cfg(feature = "dev")]
pub(crate) mod oracles;
pub(crate) mod outline;
#[cfg(feature = "dev")]
pub(crate) mod planted;
#[cfg(feature = "dev")]
pub(crate) mod played;
#[cfg(feature = "dev")]
pub(crate) mod provider;
#[cfg(feature = "dev")]
pub(crate) mod rotator;
pub(crate) mod rules;
pub(crate) mod scenario;
pub(crate) mod sse;
#[cfg(feature = "dev")]
pub(crate) mod watch;
#[cfg(feature = "dev")]
pub(crate) mod watched;

/// The Python of the project's own environment, with its tools.
#[cfg(feature = "dev")]
pub(crate) fn python() -> std::process::Command {
    let mut python = std::process::Command::new(venv().join("bin/python"));
    python.current_dir(env!("CARGO_MANIFEST_DIR"));
    python
}

/// Where the project's own Python environment is.
#[cfg(feature = "dev")]
pub(crate) fn venv() -> std::path::PathBuf {
    let venv = std::env::var("VENV").unwrap_or_else(|_| format!("{}/.venv", env!("CARGO_MANIFEST_DIR")));
    venv.into()
}

/// A file for a stream that a test records for the oracles.
#[cfg(feature = "dev")]
pub(crate) fn recording(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}
