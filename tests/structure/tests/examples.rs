//! The examples that a new user copies stay small.

use std::path::Path;

use structure::text;

/// Counts the lines that are neither empty nor only a comment.
fn code_lines(source: &str) -> usize {
    let lines = source.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn examples_have_few_lines_of_code() {
    for (why, file, most) in [
        ("a complete function with its tests", "examples/orders/src/main.rs", 60),
        ("one tool and a typed caller", "examples/smallest/src/main.rs", 25),
        ("a quota per user", "examples/quota/src/quota.rs", 30),
    ] {
        let source = text(Path::new(file)).unwrap();
        let lines = code_lines(&source);
        println!("{file}: {lines} of at most {most} lines of code");
        assert!(lines <= most, "{why}: {file} has {lines} lines of code, and at most {most} are allowed");
    }
    let page: usize = ["examples/plain/index.html", "examples/plain/page.js"]
        .map(|file| code_lines(&text(Path::new(file)).unwrap()))
        .iter()
        .sum();
    println!("examples/plain: {page} of at most 80 lines");
    assert!(page <= 80, "a page without a framework has {page} lines, and at most 80 are allowed");
    let orders = text(Path::new("examples/orders/src/main.rs")).unwrap();
    assert!(orders.contains("#[tokio::test]"), "the tests of the example are in its file");
}

#[test]
fn comments_and_empty_lines_are_no_code() {
    assert_eq!(code_lines("//! Module.\n\nfn f() {\n    // Why.\n    g(); // what\n}\n"), 3);
}
