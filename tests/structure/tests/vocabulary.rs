//! Names: those that were replaced do not come back, and words of a private language are no part of any name.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use structure::{Definition, DefinitionKind, definitions, rust_files, text, words_of_name};

use report::Report;

/// What was renamed, a line each: old file, old item, new file, new item.
///
/// A file that ends in `/` is a folder with all below it. An item is a name, or a name behind the type that it belongs to:
/// `Type::name`. In place of an item, `mod` stands for the file itself.
const RENAMED: &str = include_str!("../renamed.tsv");

/// Words that are no part of a name that is defined here, whether of an item, a field, a variant or a variable. The right
/// column says what to write instead.
const WORDS: &[(&str, &str)] = &[
    ("told", "emitted, logged, sent, or what the value is"),
    ("hear", "receive, read or apply"),
    ("heard", "received or read"),
    ("hears", "receives or reads"),
    ("ear", "receiver"),
    ("voice", "sender"),
    ("said", "text, message, payload, or what the value is"),
    ("door", "entry point"),
    ("doors", "entry points"),
    ("room", "limit or headroom"),
    ("whole", "buffered, complete or full"),
];

/// Names that may have one of the words, each with its reason: file, name, reason.
const WORD_EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// A row of [`RENAMED`].
#[derive(Debug)]
struct Row<'a> {
    old_place: &'a str,
    old: &'a str,
    new_place: &'a str,
    new: &'a str,
}

impl Row<'_> {
    /// Whether a definition in this file has the old name in its old or its new place.
    fn is_broken_by(&self, file: &Path, definition: &Definition) -> bool {
        if definition.kind == DefinitionKind::Variable {
            return false;
        }
        let is_old = |path: &str| {
            if path.contains("::") { definition.path() == path } else { definition.name == path }
        };
        // The type of a renamed member may have been renamed as well.
        let in_the_new_place = match (self.new.rsplit_once("::"), self.old.rsplit_once("::")) {
            (Some((owner, _)), Some((_, name))) => format!("{owner}::{name}"),
            _ => self.old.to_owned(),
        };
        (lies_in(file, self.old_place) && is_old(self.old))
            || (lies_in(file, self.new_place) && is_old(&in_the_new_place))
    }
}

/// Whether a file is this one, or lies in this folder.
fn lies_in(file: &Path, place: &str) -> bool {
    if place.ends_with('/') { file.starts_with(place) } else { file == Path::new(place) }
}

/// Reads the table. A line that begins with `#` is a comment.
fn rows(table: &str) -> Vec<Row<'_>> {
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let [old_place, old, new_place, new] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("not four columns: {line}");
            };
            assert_ne!((old_place, old), (new_place, new), "nothing is renamed");
            Row { old_place, old, new_place, new }
        })
        .collect()
}

/// Returns what breaks the rows in these files, with the line of each.
fn old_names(rows: &[Row<'_>], sources: &[(PathBuf, Vec<Definition>)]) -> Report {
    let mut report = Report::default();
    for (file, definitions) in sources {
        let rows: Vec<&Row<'_>> =
            rows.iter().filter(|row| lies_in(file, row.old_place) || lies_in(file, row.new_place)).collect();
        for definition in definitions {
            if let Some(row) = rows.iter().find(|row| row.is_broken_by(file, definition)) {
                report.add(file, definition.line, format!("{} is now {}", definition.path(), row.new));
            }
        }
    }
    for row in rows.iter().filter(|row| row.old == "mod") {
        if sources.iter().any(|(file, _)| lies_in(file, row.old_place)) {
            report.add(Path::new(row.old_place), 1, format!("the file is now {}", row.new_place));
        }
    }
    report
}

/// Returns the names in these files that have one of the words, but for the exceptions; and the exceptions that no name needs.
fn private_words(exceptions: &[(&str, &str, &str)], sources: &[(PathBuf, Vec<Definition>)]) -> Report {
    let mut report = Report::default();
    let mut used = BTreeSet::new();
    for (file, definitions) in sources {
        let modules = file.iter().filter_map(|part| part.to_str());
        let modules = modules.map(|part| (1, part.trim_end_matches(".rs").to_owned()));
        let names = definitions.iter().map(|definition| (definition.line, definition.name.clone()));
        for (line, name) in modules.chain(names) {
            let words = words_of_name(&name);
            let Some((word, better)) = WORDS.iter().find(|(word, _)| words.iter().any(|found| found == word))
            else {
                continue;
            };
            let exception = exceptions
                .iter()
                .position(|(place, excepted, _)| Path::new(place) == file && *excepted == name);
            match exception {
                Some(exception) => {
                    used.insert(exception);
                }
                None => report.add(file, line, format!("{name}: not `{word}`, but {better}")),
            }
        }
    }
    for (at, (file, name, _)) in exceptions.iter().enumerate() {
        if !used.contains(&at) {
            report.add(Path::new(file), 1, format!("the exception for {name} is not needed"));
        }
    }
    report
}

/// The definitions of every Rust file.
fn sources() -> Vec<(PathBuf, Vec<Definition>)> {
    let sources: Vec<_> = rust_files()
        .into_iter()
        .map(|file| {
            let definitions = definitions(&text(&file).unwrap());
            (file.clone(), definitions.unwrap_or_else(|error| panic!("{}: {error}", file.display())))
        })
        .collect();
    assert!(sources.len() > 200, "the files are where this test looks");
    sources
}

/// A file with this text, as if it were there.
fn planted(file: &str, text: &str) -> Vec<(PathBuf, Vec<Definition>)> {
    vec![(PathBuf::from(file), definitions(text).unwrap())]
}

#[test]
fn renamed_items_do_not_come_back() {
    let rows = rows(RENAMED);
    assert!(rows.len() > 100, "the table has its rows");
    old_names(&rows, &sources()).assert_empty();
}

#[test]
fn planted_old_names_are_found() {
    let rows = rows(
        "src/old.rs\tVoice\tsrc/new.rs\tSender\n\
         src/old.rs\tVoice::say\tsrc/new.rs\tSender::emit\n\
         src/old.rs\tAnswer::Made\tsrc/new.rs\tReply::Completed\n\
         src/door/\tmod\tsrc/entry/\tmod\n\
         src/room/\twhole\tsrc/limit/\tbuffered\n",
    );
    for (why, file, text) in [
        ("a type in its old file", "src/old.rs", "struct Voice;"),
        ("a type in its new file", "src/new.rs", "enum Voice {}"),
        ("a trait", "src/new.rs", "trait Voice {}"),
        ("an alias", "src/new.rs", "type Voice = u8;"),
        ("a method of the old type", "src/old.rs", "struct S; impl Voice { fn say(&self) {} }"),
        ("a method of the new type", "src/new.rs", "impl<T> Sender<T> { fn say(&self) {} }"),
        ("a method of a trait", "src/new.rs", "trait Sender { fn say(&self); }"),
        ("a variant", "src/new.rs", "enum Reply { Made(u8) }"),
        ("a field", "src/room/a.rs", "struct S { whole: u8 }"),
        ("a constant", "src/limit/b/c.rs", "const whole: u8 = 1;"),
        ("a module", "src/limit/mod.rs", "mod whole {}"),
        ("a macro", "src/limit/mod.rs", "macro_rules! whole { () => {} }"),
        ("a function in a function", "src/limit/mod.rs", "fn f() { fn whole() {} }"),
        ("a file in an old folder", "src/door/a.rs", ""),
    ] {
        assert_eq!(old_names(&rows, &planted(file, text)).len(), 1, "{why}");
    }
    for (why, file, text) in [
        ("another file", "src/other.rs", "struct Voice;"),
        ("the same method of another type", "src/new.rs", "struct S; impl S { fn say(&self) {} }"),
        ("a use", "src/new.rs", "fn f() { Voice::say(); }"),
        ("a variable", "src/limit/mod.rs", "fn f(whole: u8) {}"),
        ("the new names", "src/new.rs", "struct Sender; impl Sender { fn emit(&self) {} }"),
    ] {
        assert_eq!(old_names(&rows, &planted(file, text)).len(), 0, "{why}");
    }
}

#[test]
fn no_name_has_a_private_word() {
    private_words(WORD_EXCEPTIONS, &sources()).assert_empty();
}

#[test]
fn planted_private_words_are_found() {
    for (why, text) in [
        ("a type", "struct ToolVoice;"),
        ("an upper-case constant", "const LATE_EAR: u8 = 1;"),
        ("an acronym before it", "struct HTTPDoor;"),
        ("a function", "fn is_told() {}"),
        ("a parameter", "fn f(said: u8) {}"),
        ("a `let`", "fn f() { let (a, room) = (1, 2); }"),
        ("a closure's parameter", "fn f() { g(|whole| whole + 1); }"),
        ("a raw name", "fn r#hear() {}"),
    ] {
        assert_eq!(private_words(&[], &planted("src/a.rs", text)).len(), 1, "{why}");
    }
    assert_eq!(private_words(&[], &planted("src/doors/a.rs", "")).len(), 1, "a folder");
    for text in ["fn search_early() {}", "struct Invoice; struct Mushroom;", "fn f() { told(); }"] {
        assert_eq!(private_words(&[], &planted("src/a.rs", text)).len(), 0, "{text}");
    }
    let exceptions = [("src/a.rs", "Voice", "a reason")];
    assert_eq!(private_words(&exceptions, &planted("src/a.rs", "struct Voice;")).len(), 0);
    assert_eq!(
        private_words(&exceptions, &planted("src/b.rs", "struct Voice;")).len(),
        2,
        "it is for one file"
    );
    assert_eq!(private_words(&exceptions, &planted("src/a.rs", "")).len(), 1, "it is not needed");
}
