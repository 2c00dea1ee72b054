//! The official clients, against the function's binary.

mod front_ends;
mod runs;
mod rust;
mod tool_events;
