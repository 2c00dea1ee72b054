//! Approvals: a tool call waits for a person, and a signed token of it travels with the client.
//!
//! Nothing is kept on the server between two runs. The id of an interrupt, which every client has to send back with the
//! answer, is a signed token: it proves that this server asked about exactly this call for exactly this caller. The
//! answer beside it is not signed, so it is as trustworthy as the caller who sends it. A token also does not prove that
//! it is used for the first time; a [`ReplayStore`] does that.
//!
//! The same keys sign the results of tools, so that a client cannot invent a result in the history that it sends.
//!
//! - `token`: the token in an interrupt's id. `result_signature`: the signature of a tool's result.
//! - `binding`: the call that both are bound to. `mac`: the bytes that are signed.
//! - `keys`: the signing keys. `replay`: the interface to a store of used approvals. `memory`: a store in memory.
//! - `approvals`: [`Approvals`], which brings them together.
//! - `recent_tokens`: explanations for developers. `pseudonym`: the names of callers in the log.

mod approvals;
mod binding;
mod keys;
mod mac;
mod memory;
mod pseudonym;
mod recent_tokens;
mod replay;
mod result_signature;
mod time;
mod token;

pub(crate) use approvals::SignatureStatus;
pub use approvals::{Approvals, DEFAULT_TTL};
pub(crate) use binding::{Binding, arguments_digest, text_arguments_digest};
pub use keys::{ApprovalKeyError, ApprovalKeys};
pub use memory::MemoryReplayStore;
pub(crate) use pseudonym::Pseudonyms;
pub use pseudonym::WhoKey;
pub use replay::{ReplayStore, ReplayStoreError, Reservation};
pub(crate) use result_signature::ResultSignature;
pub(crate) use time::format_iso_8601;
pub(crate) use token::{InterruptKind, InterruptToken};
