//! Sends what a fuzzer chooses to the target `provider_streams`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("provider_streams", bytes));
