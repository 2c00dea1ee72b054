//! AG-UI 1.0 on the wire, for servers and for clients: plain data, and the writer that keeps the order of events.
//!
//! No network, no runtime, no model: what is here turns values into bytes and bytes into values.
//!
//! - [`protocol`]: events, messages, input, capabilities, ids, state patches and SSE frames.
//! - [`transcript`]: the event writer, in verbs, whose events are always in an order that clients accept.
//! - [`json`]: JSON text as peers write it, read strictly, with half surrogate pairs repaired.

pub mod json;
pub mod protocol;
pub mod transcript;
