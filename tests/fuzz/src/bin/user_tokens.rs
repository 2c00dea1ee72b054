//! Sends what a fuzzer chooses to the target `user_tokens`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::fuzz("user_tokens", bytes));
