//! The parts of the library that any server can embed name no cloud. `lambda` and `config` are the places for such names, and
//! the adapter of a vendor's models.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod report;

use std::path::{Path, PathBuf};

use structure::{files, text, words_of_name};

use report::Report;

/// The modules of `ag-ui-lambda` that name no cloud.
const NEUTRAL: [&str; 6] = ["agent", "approval", "auth", "endpoint", "model", "tool"];

/// Words of one cloud. Each may stand alone or be a part of a name, as in `LambdaAuthorizer` and `iam_principals`.
const WORDS: [&str; 8] = ["amazon", "arn", "aws", "cloudfront", "cognito", "dynamodb", "iam", "lambda"];

/// Phrases of one cloud, in lower case.
const PHRASES: [&str; 3] = ["api gateway", "function url", "secrets manager"];

/// What is not a vendor's name, though it has one of the words: the library's own name, its feature, and a crate.
const OTHER_NAMES: [&str; 4] = ["ag_ui_lambda", "ag-ui-lambda", "feature = \"lambda\"", "aws_lc"];

/// Files and texts in them that may name a cloud, each with its reason.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    ("model/bedrock", "", "the adapter of a vendor's models"),
    ("model/claude.rs", "https://docs.aws.amazon.com", "the source of a fact"),
    ("agent/observe/spans.rs", "\"aws.bedrock\"", "OpenTelemetry's name of a provider"),
];

/// Adds the lines of a file that name a cloud. Tests, which stand at the end of a file, may name one.
fn cloud_names(file: &Path, text: &str, report: &mut Report) {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    for (number, line) in code.lines().enumerate() {
        let line = OTHER_NAMES.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
        let words = line.split(|character: char| !character.is_alphanumeric() && character != '_');
        let is_named = words.flat_map(words_of_name).any(|word| WORDS.contains(&word.as_str()))
            || PHRASES.iter().any(|phrase| line.to_lowercase().contains(phrase));
        let is_exception = |(place, text, _): &(&str, &str, &str)| {
            file.to_string_lossy().contains(&format!("/src/{place}")) && line.contains(text)
        };
        if is_named && !EXCEPTIONS.iter().any(is_exception) {
            report.add(file, number + 1, line);
        }
    }
}

/// The Rust files of the neutral modules, without their tests.
fn sources() -> Vec<PathBuf> {
    let sources: Vec<_> = NEUTRAL
        .iter()
        .flat_map(|module| files(&format!("crates/ag-ui-lambda/src/{module}"), "rs"))
        .filter(|file| !file.iter().any(|part| part == "tests" || part == "tests.rs"))
        .collect();
    assert!(sources.len() > 80, "the files are where this test looks");
    sources
}

#[test]
fn neutral_modules_name_no_cloud() {
    let mut report = Report::default();
    for file in sources() {
        cloud_names(&file, &text(&file).unwrap(), &mut report);
    }
    report.assert_empty();
}

#[test]
fn planted_cloud_names_are_found() {
    let found = |text: &str| {
        let mut report = Report::default();
        cloud_names(Path::new("crates/ag-ui-lambda/src/endpoint/a.rs"), text, &mut report);
        report.len()
    };
    for line in [
        "use aws_config::Region;",
        "pub fn iam_principals(self) -> Self {",
        "    LambdaAuthorizer,",
        "    /// The user pool of Cognito.",
        "const SIGNER: &str = \"arn\";",
        "// API Gateway sends nulls.",
    ] {
        assert_eq!(found(line), 1, "{line}");
    }
    for line in [
        "use ag_ui_lambda::Agent;",
        "#[cfg(feature = \"lambda\")]",
        "crypto::aws_lc::DEFAULT_PROVIDER",
        "// It warns, learns and draws.",
        "#[cfg(test)]\nmod tests { const SIGNER: &str = \"arn:aws:iam\"; }",
    ] {
        assert_eq!(found(line), 0, "{line}");
    }
}
