//! The messages in docs/troubleshooting.md are those of the programs.
//!
//! A comment before a table names the folders that have its messages: `<!-- messages of scripts/deploy -->`. It holds until the
//! next comment. What follows `<!-- messages of other programs -->` is written elsewhere, so it is not compared.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::path::Path;

use structure::{files, text};

const PAGE: &str = "docs/troubleshooting.md";
const OTHERS: &str = "other programs";
/// The kinds of files that have messages. Those of the compiler are in the files of its expected errors.
const EXTENSIONS: [&str; 6] = ["rs", "py", "js", "sh", "mk", "stderr"];

/// Returns the code spans of a text.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the messages of the page, each with the folders that should have it: the code spans in the first column of the tables
/// whose first column is `message`.
fn messages(page: &str) -> Vec<(&str, &str)> {
    let mut folders = "";
    let mut has_messages = false;
    let mut messages = Vec::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("<!-- messages of ") {
            folders = comment.trim_end_matches(" -->");
        }
        let Some(row) = line.strip_prefix("| ") else {
            has_messages = false;
            continue;
        };
        let first = row.split(" | ").next().unwrap();
        if has_messages {
            messages.extend(code_spans(first).into_iter().map(|message| (message, folders)));
        }
        has_messages |= first == "message";
    }
    messages
}

/// Removes what a source has in the middle of a text: white space, quotes, and backslashes at the end of a line.
fn squeezed(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace() && !['"', '\\'].contains(character)).collect()
}

/// Whether the source has all parts of a message, which `...` separates.
fn has_message(source: &str, message: &str) -> bool {
    message.split("...").map(squeezed).all(|part| source.contains(&part))
}

#[test]
fn messages_are_those_of_the_programs() {
    let page = text(Path::new(PAGE)).unwrap();
    let messages = messages(&page);
    let sources = |folders: &str| -> Vec<String> {
        let files =
            folders.split(' ').flat_map(|folder| EXTENSIONS.map(|extension| files(folder, extension)));
        files.flatten().map(|file| squeezed(&text(&file).unwrap())).collect()
    };
    let mut known = ("", Vec::new());
    let mut unknown = Vec::new();
    for (message, folders) in &messages {
        if *folders == OTHERS {
            continue;
        }
        if known.0 != *folders {
            known = (folders, sources(folders));
        }
        if !known.1.iter().any(|source| has_message(source, message)) {
            unknown.push(format!("no file of {folders} has: {message}"));
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(messages.len() > 100, "only {} messages were found", messages.len());
}

#[test]
fn each_code_of_the_interface_is_explained() {
    let [page, interface] = [PAGE, "docs/http.md"].map(|file| text(Path::new(file)).unwrap());
    let section = |begin: &str, end: &str| {
        let (_, rest) = interface.split_once(begin).unwrap();
        rest.split_once(end).unwrap().0.lines().filter(|line| line.starts_with("| ")).collect::<Vec<_>>()
    };
    let refusals = section("\n## Refusals\n", "\n### The user's JWT\n")
        .into_iter()
        .filter_map(|row| row.split(" | ").nth(1));
    let ends = section("\n## How a run ends\n", "\n### Runs that answer interrupts\n").into_iter();
    let ends = ends.filter_map(|row| row.split(" | ").next()).filter(|cell| !cell.contains("`RUN_FINISHED`"));
    let is_code = |span: &&str| span.len() > 4 && span.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let codes: Vec<_> = refusals.chain(ends).flat_map(code_spans).filter(is_code).collect();
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{PAGE} explains {code}");
    }
}

#[test]
fn messages_that_no_program_has_are_found() {
    let page = "<!-- messages of src -->\n\n| message | what to do |\n| --- | --- |\n| `the ... is gone`, `b` | `c` |\n\n\
                | what happens | why |\n| --- | --- |\n| `d` | e |\n";
    assert_eq!(messages(page), [("the ... is gone", "src"), ("b", "src")]);

    let source = squeezed("error(\"the {name} \\\n    is gone\")");
    assert!(has_message(&source, "the ... is gone"));
    assert!(!has_message(&source, "the ... is lost"));
}
