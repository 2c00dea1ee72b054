//! Sends what a fuzzer chooses to the target `run_inputs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("run_inputs", bytes));
