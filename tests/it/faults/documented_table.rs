//! The rows of `docs/faults.md` and the tests that they name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the text of a file of this repository; empty if there is no such file.
fn text(file: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default()
}

/// Returns the names of the tests in the last column of each row of the page, with the row.
fn rows(page: &str) -> Vec<(&str, Vec<&str>)> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| --- "));
    let cells = |row: &str| row.trim_matches(['|', ' ']).matches(" | ").count() + 1;
    rows.filter(|row| cells(row) == 5 && !row.starts_with("| fault |"))
        .map(|row| {
            let (_, tests) = row.trim_end_matches(['|', ' ']).rsplit_once(" | ").unwrap();
            (row, tests.split('`').skip(1).step_by(2).collect())
        })
        .collect()
}

/// Returns the text of a test module, such as `faults::model`.
fn module(path: &str) -> String {
    let path = PathBuf::from("tests/it").join(path.replace("::", "/"));
    [path.with_extension("rs"), path.join("mod.rs")].map(text).concat()
}

#[test]
fn every_row_names_tests_that_exist() {
    let page = text("docs/faults.md");
    let rows = rows(&page);
    for (row, tests) in &rows {
        assert!(!tests.is_empty(), "no test is named: {row}");
        for test in tests {
            let (path, name) = test.rsplit_once("::").unwrap_or_else(|| panic!("no test: {test}"));
            assert!(module(path).contains(&format!("fn {name}(")), "there is no test {test}");
        }
    }
    assert!(rows.len() > 25, "this test finds the rows: {rows:#?}");
}

#[test]
fn every_test_of_a_fault_is_named() {
    let page = text("docs/faults.md");
    let named: BTreeSet<&str> = rows(&page).into_iter().flat_map(|(_, tests)| tests).collect();
    for module_name in
        ["clients", "clock", "deadline", "frozen", "model", "same_run", "secrets", "tools", "two_runs"]
    {
        let module = module(&format!("faults::{module_name}"));
        let after_attribute = module.split("#[tokio::test").skip(1);
        let tests: Vec<&str> = after_attribute
            .filter_map(|test| test.split_once("async fn ")?.1.split_once('('))
            .map(|(name, _)| name)
            .collect();
        assert!(!tests.is_empty(), "this test finds the tests of {module_name}");
        for test in tests {
            let test = format!("faults::{module_name}::{test}");
            assert!(named.contains(test.as_str()), "no row names {test}");
        }
    }
}
