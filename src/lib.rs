//! The parts of the function that you edit first: the caller and the tools. `main.rs` builds the function from them.

pub mod caller;
pub mod tools;
