//! What several tests share.

pub(crate) mod collector;
pub(crate) mod conversation;
pub(crate) mod edits;
pub(crate) mod endpoint;
pub(crate) mod fault_proxy;
pub(crate) mod forge;
pub(crate) mod function;
pub(crate) mod log;
pub(crate) mod oracle;
pub(crate) mod oracles;
pub(crate) mod outline;
pub(crate) mod played;
pub(crate) mod rotator;
pub(crate) mod rules;
pub(crate) mod scenario;
pub(crate) mod sse;
pub(crate) mod watch;
pub(crate) mod watched;

pub(crate) use test_support::{moto, planted, provider, python, venv};

/// A file for a stream that a test records for the oracles.
pub(crate) fn recording(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// A port of this machine that nobody listens on. A raw socket finds it, because no HTTP is spoken.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
