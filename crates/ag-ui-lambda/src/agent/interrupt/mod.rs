//! Calls of backend tools, and how a call waits for a person and goes on in a later run.
//!
//! - `call` runs a call, or interrupts the run so that a person is asked first.
//! - `request` is what the person is asked, and the fixed texts around it.
//! - `signer` signs for one caller and run.
//! - `signed_results` signs results, and checks them when they come back in a history.
//! - `answers` reads the answers in `resume`.
//! - `judge` decides what becomes of each call of the history that may have waited.
//! - `verdict` lists what it can decide.
//! - `resume` reads an answer whose token is valid.
//! - `settle` carries out what `judge` has decided.

mod answers;
pub(super) mod call;
pub(super) mod judge;
mod request;
mod resume;
pub(super) mod settle;
mod signed_results;
pub(super) mod signer;
mod verdict;
