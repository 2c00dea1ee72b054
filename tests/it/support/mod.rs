//! Helpers that several tests share.

pub(crate) mod bedrock_keys;
pub(crate) mod client_run;
pub(crate) mod clock;
pub(crate) mod cloudformation;
pub(crate) mod collector;
pub(crate) mod documented;
pub(crate) mod edits;
pub(crate) mod emulator;
pub(crate) mod endpoint;
pub(crate) mod fault_proxy;
pub(crate) mod function;
pub(crate) mod gated_run;
pub(crate) mod jwt_forge;
pub(crate) mod leak_checked;
pub(crate) mod log;
pub(crate) mod oracles;
pub(crate) mod outline;
pub(crate) mod provider_rules;
pub(crate) mod rotation_function;
pub(crate) mod scenario;

pub(crate) use test_support::{
    conversation, event_order, moto, provider, provider_model, python, sam_venv, secrets, sse, venv,
};

/// Returns the path of the file into which a test records a stream for the oracles.
pub(crate) fn recording(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Returns a local port on which nothing listens.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
