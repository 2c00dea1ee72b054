//! The programs of a fuzzer are in `bin/`, one for each target of `tests/hostile`.
