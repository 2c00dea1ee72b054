//! What a user edits first: who calls, and the tools. `main.rs` makes the function of them.

pub mod caller;
pub mod tools;
