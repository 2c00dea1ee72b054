//! Sends what a fuzzer chooses to the target `event_streams`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("event_streams", bytes));
