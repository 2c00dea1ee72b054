//! Sends what a fuzzer chooses to the target `events`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("events", bytes));
