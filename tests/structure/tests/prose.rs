//! Comments, texts and documentation are in plain words.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use structure::{Passage, files, find, passages, rust_files, text};

use report::Report;

/// Phrases of a private language. "None" is for `Option::None`, and `is none` most often means "is not a".
const PHRASES: &[&str] = &[
    "told",
    "hear",
    "hears",
    "ear",
    "voice",
    "nobody's",
    "of yours",
    "is none",
    "front door",
    "front doors",
];

/// Lines that may have a phrase, each with its reason: file, text in the line, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (CHECKED_HERE, "", "the phrases themselves"),
    ("tests/structure/tests/vocabulary.rs", "", "the words themselves"),
];

const CHECKED_HERE: &str = "tests/structure/tests/prose.rs";

/// Documents besides the Rust sources: files, and folders with the extension of their files.
const DOCUMENTS: &[(&str, &str)] = &[
    ("CHANGELOG.md", ""),
    ("CONTRIBUTING.md", ""),
    ("Cargo.toml", ""),
    ("DESIGN.md", ""),
    ("Makefile", ""),
    ("README.md", ""),
    ("SECURITY.md", ""),
    ("template.yaml", ""),
    ("benches", "mjs"),
    ("benches", "py"),
    ("crates", "js"),
    ("crates", "md"),
    ("crates", "mjs"),
    ("crates", "toml"),
    ("deploy", "md"),
    ("deploy", "yaml"),
    ("docs", "md"),
    ("events", "md"),
    ("examples", "md"),
    ("examples", "mjs"),
    ("examples", "toml"),
    ("scripts", "py"),
    ("scripts", "sh"),
    ("starter", "md"),
    ("starter", "toml"),
    ("tests", "md"),
    ("tests", "mjs"),
    ("tests", "py"),
    ("tests", "toml"),
    ("tests/cases", "json"),
];

/// Returns the lines with a phrase, but for the exceptions; and the exceptions that no line needs.
fn private_phrases(exceptions: &[(&str, &str, &str)], sources: &[(PathBuf, Vec<Passage>)]) -> Report {
    let mut report = Report::default();
    let mut used = BTreeSet::new();
    for (file, passages) in sources {
        for finding in passages.iter().flat_map(|passage| find(passage, PHRASES)) {
            let exception = exceptions
                .iter()
                .position(|(place, text, _)| Path::new(place) == file && finding.text.contains(text));
            match exception {
                Some(exception) => {
                    used.insert(exception);
                }
                None => report.add(file, finding.line, format!("`{}`: {}", finding.phrase, finding.text)),
            }
        }
    }
    for (at, (file, text, _)) in exceptions.iter().enumerate() {
        if !used.contains(&at) {
            report.add(Path::new(file), 1, format!("the exception for {text:?} is not needed"));
        }
    }
    report
}

/// The comments and texts of every Rust file, and the documents.
fn sources() -> Vec<(PathBuf, Vec<Passage>)> {
    let rust = rust_files().into_iter().map(|file| {
        let passages = passages(&text(&file).unwrap());
        (file, passages)
    });
    let documents = DOCUMENTS.iter().flat_map(|(place, extension)| match *extension {
        "" => vec![PathBuf::from(place)],
        extension => files(place, extension),
    });
    let documents = documents.map(|file| {
        let document = text(&file).unwrap_or_else(|| panic!("{} cannot be read", file.display()));
        (file, document_passage(&document).into_iter().collect())
    });
    let sources: Vec<_> = rust.chain(documents).collect();
    assert!(sources.len() > 220, "the files are where this test looks");
    sources
}

/// Returns the text of a document as one passage; `None` for an empty document.
fn document_passage(text: &str) -> Option<Passage> {
    // Only the reader can create a passage, so a document is read as a comment.
    let comment: String = text.lines().map(|line| format!("//{line}\n")).collect();
    let mut found = passages(&comment);
    assert_eq!(found.len(), usize::from(!text.is_empty()), "a document is one passage");
    found.pop()
}

#[test]
fn comments_and_documents_are_in_plain_words() {
    private_phrases(EXCEPTIONS, &sources()).assert_empty();
}

#[test]
fn planted_phrases_are_found_wherever_they_are_written() {
    let file = |text: &str| vec![(PathBuf::from("a.rs"), passages(text))];
    for (why, text) in [
        ("a comment", "fn f() {} // The client is told.\n"),
        ("a documentation comment", "/// Hears the model.\nfn f() {}"),
        ("a block comment", "/* An\n ear. /* nested */ */"),
        ("over a line break", "/// What the client sends is\n/// none of the caller's.\nfn f() {}"),
        ("over an indented line break", "fn f() {\n    // Answers of\n    // yours.\n}"),
        ("a string", "const A: &str = \"names a script that is none\";"),
        ("a string behind an escaped quote", r#"const A: &str = "\"told\"";"#),
        ("a raw string", "const A: &str = r#\"the \"front door\" is\"#;"),
        ("a byte string", "const A: &[u8] = b\"voice\";"),
        ("behind a character", "const A: char = '\"'; // told"),
        ("behind a lifetime", "fn f<'a>(a: &'a str) {} // told"),
        ("a string of several lines", "const A: &str = \"a\\\n    b told\";"),
        ("a typographic apostrophe", "// It is nobody’s.\n"),
    ] {
        assert_eq!(private_phrases(&[], &file(text)).len(), 1, "{why}");
    }
    for (why, text) in [
        ("a name in the code", "fn f() { told(); let voice = 1; }"),
        ("a method's name in a comment", "// `Option::is_none` and `is_told`.\n"),
        ("the `None` of Rust", "/// The token is `None` where it is not needed.\nfn f() {}"),
        ("other words", "// A year in the early theory of invoices; nobody is here.\n"),
        ("two passages", "// It is\nfn f() {}\n// none.\n"),
    ] {
        assert_eq!(private_phrases(&[], &file(text)).len(), 0, "{why}");
    }
    let lines = private_phrases(&[], &file("// One\n// and told\nconst A: &str = \"told\";"));
    assert_eq!(lines.len(), 2, "each in its line");
    let exceptions = [("a.rs", "the user hears", "a reason")];
    assert_eq!(private_phrases(&exceptions, &file("// the user hears it\n")).len(), 0);
    assert_eq!(private_phrases(&exceptions, &file("// he hears it\n")).len(), 2, "another line");
    for (file, text, count) in [
        ("README.md", "# A\n\nThe front\ndoor.\n", 1),
        (
            "tests/cases/a.json",
            "{\n \"kind\": \"text that is told twice\",\n \"right\": \"sent once\"\n}\n",
            1,
        ),
        ("page/a.js", "// What the client hears.\nconst a = `told`;\n", 2),
        ("a.mjs", "/*\n * An error without text is\n * none.\n */\n", 1),
        ("a.py", "# The voice of the model.\nif a is None:\n    pass\n", 1),
        ("deploy/a.yaml", "# Nobody's.\nDescription: the front door\n", 2),
        ("Cargo.toml", "description = \"An ear\" # of yours\n", 2),
        ("empty.md", "", 0),
    ] {
        let document = vec![(PathBuf::from(file), document_passage(text).into_iter().collect())];
        assert_eq!(private_phrases(&[], &document).len(), count, "{file}");
    }
}

#[test]
fn documents_of_each_kind_are_read() {
    let found: BTreeSet<PathBuf> = sources().into_iter().map(|(file, _)| file).collect();
    for file in [
        "Cargo.toml",
        "crates/ag-ui-dev/page/main.js",
        "crates/ag-ui-dev/page/tests/patch.test.mjs",
        "crates/ag-ui-lambda/Cargo.toml",
        "deploy/cloudfront.yaml",
        "scripts/check-package.py",
        "tests/cases/README.md",
        "tests/cases/empty-turns-only.json",
        "tests/clients/checks.mjs",
        "tests/oracles/schema.py",
    ] {
        assert!(found.contains(Path::new(file)), "{file} is not read");
    }
    let foreign = found.iter().find(|file| file.iter().any(|part| part == "node_modules"));
    assert_eq!(foreign, None, "the files of others are not read");
}
