//! Sends what a fuzzer chooses to the target `read_inputs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("read_inputs", bytes));
