//! The promises of docs/security.md about input that a client controls.

mod attack_vectors;
mod memory;
mod opaque_values;
mod untrusted_input;
