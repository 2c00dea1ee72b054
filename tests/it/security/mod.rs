//! The promises of docs/security.md about input that a client controls.

mod attack_vectors;
mod memory;
mod untrusted_input;
