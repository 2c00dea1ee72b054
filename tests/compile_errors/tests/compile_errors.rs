//! Mistakes in tools, and what the compiler says about each: one error, which says what to change.
//!
//! The file beside each case in `cases/` is the compiler's text. `TRYBUILD=overwrite cargo test --package compile-errors`
//! writes these files anew.

use std::io::Write as _;
use std::process::Command;

/// The version of the compiler whose texts are in the files. Other versions write other texts.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn a_mistake_in_a_tool_is_named_by_the_compiler() {
    let version = Command::new("rustc").arg("--version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    if version.starts_with(RUSTC) {
        trybuild::TestCases::new().compile_fail("cases/*.rs");
    } else {
        // Written past the capture of a test's output, so that a run which has checked nothing shows it.
        let line = format!("SKIPPED: the texts in cases/ are those of {RUSTC}x, and this is {version}");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}
