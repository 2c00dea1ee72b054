//! Sends what a fuzzer chooses to the target `provider_requests`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("provider_requests", bytes));
