//! Sends what a fuzzer chooses to the target `tool_arguments`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("tool_arguments", bytes));
