//! Generators of all that the crate writes: every variant, with and without each optional member.
//!
//! The tests of this crate use them, and with the feature `generators` other tests of this repository. They are no part of
//! the API.
//!
//! Each value is built with all of its members named, so a new member does not compile here until it has a generator.

mod capabilities;
mod events;
mod inputs;
mod messages;
mod values;

pub use capabilities::capabilities;
pub use events::{
    any_event, encrypted_subtype, event, kinds, operation, run_outcome, subagent_outcome, text_role,
};
pub use inputs::{input, resume_status};
pub use messages::{body, content, message, part, part_kind, source};
