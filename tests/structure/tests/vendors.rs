//! The parts of the library that any server can embed name no cloud. `lambda` and `config` are the places for such names, and
//! the adapter of a vendor's models.

mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use structure::{files, text, words_of_name};

use report::Report;

/// The modules of `ag-ui-lambda` that name no cloud.
const NEUTRAL: [&str; 7] = ["agent", "approval", "auth", "budget", "endpoint", "model", "tool"];

/// Names of clouds and of their services, each as its words in lower case. A name may stand alone or be a part of another, as
/// in `LambdaAuthorizer` and `iam_principals`.
const NAMES: [&str; 20] = [
    "amazon",
    "api gateway",
    "arn",
    "aws",
    "azure",
    "cloud front",
    "cloud watch",
    "cloudfront",
    "cloudwatch",
    "cognito",
    "dynamo db",
    "dynamodb",
    "function url",
    "google cloud",
    "iam",
    "kms",
    "lambda",
    "s3",
    "secrets manager",
    "ssm",
];

/// What is not a vendor's name, though it has one of the words: the library's own name, its feature, and a crate.
const OTHER_NAMES: [&str; 4] = ["ag_ui_lambda", "ag-ui-lambda", "feature = \"lambda\"", "aws_lc"];

/// Files and texts in them that may name a cloud, each with its reason.
const EXCEPTIONS: [(&str, &str, &str); 4] = [
    ("model/bedrock", "", "the adapter of a vendor's models"),
    ("model/http/provider.rs", "\"AWS_BEARER_TOKEN_BEDROCK\"", "variables of the SDKs of a vendor's models"),
    ("model/claude.rs", "https://docs.aws.amazon.com", "the source of a fact"),
    ("agent/observe/spans.rs", "\"aws.bedrock\"", "OpenTelemetry's name of a provider"),
];

/// Adds the lines of a file that name a cloud. A name may continue on the next line. Inline modules of tests may name a cloud.
fn cloud_names(file: &Path, text: &str, report: &mut Report) {
    let lines = lines_without_tests(text);
    let words: Vec<(usize, String)> = lines
        .iter()
        .enumerate()
        .flat_map(|(at, (_, line))| words_of_line(line).into_iter().map(move |word| (at, word)))
        .collect();
    let mut found = BTreeSet::new();
    for name in NAMES {
        let wanted: Vec<&str> = name.split(' ').collect();
        let windows = words.windows(wanted.len());
        let is_name = |window: &&[(usize, String)]| {
            window.iter().map(|(_, word)| word.as_str()).eq(wanted.iter().copied())
        };
        found.extend(windows.filter(is_name).map(|window| window[0].0));
    }
    for (number, line) in found.into_iter().map(|at| lines[at]) {
        let is_exception = |(place, text, _): &(&str, &str, &str)| {
            file.to_string_lossy().contains(&format!("/src/{place}")) && line.contains(text)
        };
        if !EXCEPTIONS.iter().any(is_exception) {
            report.add(file, number, line.to_owned());
        }
    }
}

/// Returns the lines of a file with their numbers, counted from 1, but not those of its inline modules of tests. Such a module
/// begins at the start of a line and ends with a brace at the start of a line. `mod tests;` leaves out nothing.
fn lines_without_tests(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let (mut is_for_tests, mut is_inside) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        if is_inside {
            is_inside = line != "}";
        } else if is_for_tests && line.contains("mod ") && line.ends_with('{') {
            is_inside = true;
        } else {
            lines.push((number, line));
            is_for_tests = line == "#[cfg(test)]" || (is_for_tests && line.starts_with("#["));
        }
    }
    lines
}

/// Returns the words of all names in a line, in lower case, without those of [`OTHER_NAMES`].
fn words_of_line(line: &str) -> Vec<String> {
    let line = OTHER_NAMES.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
    let names = line.split(|character: char| !character.is_alphanumeric() && character != '_');
    names.flat_map(words_of_name).collect()
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
        "    /// A request through an API\n    /// gateway.",
        "const TEXT: &str = \"the function\\\n    URL\";",
        "// Azure's addresses have a query.",
        "struct GoogleCloud;",
        "S3Client::new()",
        "// A key of KMS.",
        "fn ssm_parameter() {}",
        "/// A metric of CloudWatch.",
        "struct DynamoDbStore;",
        "#[cfg(test)]\nmod tests;\n\nstruct Lambda;",
        "#[cfg(test)]\nmod tests {\n    struct Arn;\n}\n\nstruct Lambda;",
    ] {
        assert_eq!(found(line), 1, "{line}");
    }
    for line in [
        "use ag_ui_lambda::Agent;",
        "#[cfg(feature = \"lambda\")]",
        "crypto::aws_lc::DEFAULT_PROVIDER",
        "// It warns, learns and draws.",
        "// A rest API. Gateways and functions have URLs.",
        "#[cfg(test)]\nmod tests {\n    const SIGNER: &str = \"arn:aws:iam\";\n}",
        "#[cfg(test)]\n#[expect(dead_code)]\npub(super) mod testing {\n    struct Arn;\n}",
    ] {
        assert_eq!(found(line), 0, "{line}");
    }
}
