//! Sends what a fuzzer chooses to the target `patches`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("patches", bytes));
