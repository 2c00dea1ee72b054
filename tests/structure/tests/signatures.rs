//! Functions have few parameters.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod report;

use std::path::{Path, PathBuf};

use structure::{files, functions, text};

use report::Report;

/// How many parameters a function may have besides `self`. A constructor may have more.
const MAX_PARAMETERS: usize = 4;

/// Adds the functions of a file that have too many parameters.
fn long_parameter_lists(file: &Path, text: &str, report: &mut Report) {
    for function in functions(text).unwrap() {
        if function.parameters > MAX_PARAMETERS && !function.is_constructor {
            report.add(
                file,
                function.line,
                format!("{} has {} parameters", function.path, function.parameters),
            );
        }
    }
}

/// The Rust files of the crates in `crates/` and of the other folders.
fn sources(others: &[&str]) -> Vec<PathBuf> {
    let sources: Vec<_> = [&["crates"], others]
        .concat()
        .into_iter()
        .flat_map(|folder| files(folder, "rs"))
        .filter(|file| file.iter().any(|part| part == "src"))
        .collect();
    assert!(sources.len() > 150, "the files are where this test looks");
    sources
}

/// Runs a check on these files.
fn check(files: Vec<PathBuf>, check: fn(&Path, &str, &mut Report)) {
    let mut report = Report::default();
    for file in files {
        check(&file, &text(&file).unwrap(), &mut report);
    }
    report.assert_empty();
}

/// Runs a check on this text and returns the number of findings.
fn found(check: fn(&Path, &str, &mut Report), text: &str) -> usize {
    let mut report = Report::default();
    check(Path::new("src/a.rs"), text, &mut report);
    report.len()
}

#[test]
fn functions_have_four_parameters_at_most() {
    check(sources(&["src"]), long_parameter_lists);
}

#[test]
fn planted_parameter_lists_are_found() {
    for (why, text) in [
        ("a function", "fn f(a: u8, b: u8, c: u8, d: u8, e: u8) {}"),
        ("a function in a function", "fn g() { fn f(a: u8, b: u8, c: u8, d: u8, e: u8) {} }"),
        ("a method", "impl S { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8) {} }"),
        ("a method of a trait", "trait T { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8); }"),
        ("a constructor's name alone", "impl S { fn new(a: u8, b: u8, c: u8, d: u8, e: u8) {} }"),
        (
            "a method that returns its type",
            "impl S { fn with_all(self, a: u8, b: u8, c: u8, d: u8, e: u8) -> S {} }",
        ),
        ("a free function", "fn new(a: u8, b: u8, c: u8, d: u8, e: u8) -> S {}"),
    ] {
        assert_eq!(found(long_parameter_lists, text), 1, "{why}");
    }
    for text in [
        "impl S { fn f(&mut self, a: u8, b: u8, c: u8, d: u8) {} }",
        "impl S { fn new(a: u8, b: u8, c: u8, d: u8, e: u8) -> Self {} }",
        "impl S { fn from_parts(a: u8, b: u8, c: u8, d: u8, e: u8) -> Result<S, E> {} }",
    ] {
        assert_eq!(found(long_parameter_lists, text), 0, "{text}");
    }
}
