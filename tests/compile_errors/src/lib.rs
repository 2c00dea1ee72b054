//! The package has only a test: see `tests/compile_errors.rs`.
