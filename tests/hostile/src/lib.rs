//! Hostile inputs: each target is a function that gets choices, makes an input of them, sends the input to a part of the
//! library that reads what others write, and checks what comes back.
//!
//! The choices come from a seed, as in the tests, or from the bytes of a fuzzer. Inputs are valid at first and are then
//! broken, because most random bytes are refused by the first check.
//!
//! - [`targets`]: what is sent where, and what must hold for each input.
//! - [`choices`], [`valid`], [`conversations`], [`opaque_values`], [`schemas`] and [`breakage`]: how an input is made and
//!   broken.
//! - [`responses`] and [`wire_requests`]: what must hold for what the library sends.
//! - [`harness`]: sends many inputs, and reports panics, hangs, leaks, too much memory, and what a target reports.
#![expect(clippy::unwrap_used, reason = "a part of a test that fails should say where")]

pub mod breakage;
pub mod choices;
pub mod conversations;
pub mod harness;
pub mod opaque_values;
pub mod responses;
pub mod schemas;
pub mod targets;
pub mod valid;
pub mod wire_requests;

use std::cell::RefCell;

use choices::Choices;
use targets::{Session, find};

/// Sends the input that these bytes of a fuzzer choose to a target, and panics if something is wrong.
///
/// If the first byte is 0, the others are the input itself. So a corpus can begin with real inputs.
pub fn fuzz(target: &'static str, bytes: &[u8]) {
    thread_local! {
        /// The session of the target, which is started with the first input.
        static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
    }
    SESSION.with_borrow_mut(|session| {
        let session = session.get_or_insert_with(|| {
            let target = find(target).unwrap();
            (target.start)(1)
        });
        if let Err(problem) = session(&mut Choices::of_bytes(bytes)) {
            panic!("{problem}");
        }
    });
}
