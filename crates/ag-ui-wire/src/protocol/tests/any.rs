//! Generators of all that the crate writes: every variant, with and without each optional member.
//!
//! Each value is built with all of its members named, so a new member does not compile here until it has a generator.

mod capabilities;
mod events;
mod inputs;
mod messages;
mod values;

pub(super) use capabilities::capabilities;
pub(super) use events::{
    any_event, encrypted_subtype, event, kinds, operation, run_outcome, subagent_outcome, text_role,
};
pub(super) use inputs::{input, resume_status};
pub(super) use messages::{body, content, message, part, part_kind, source};
