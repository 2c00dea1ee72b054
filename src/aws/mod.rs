//! What is AWS and nothing else.

pub mod secrets;
