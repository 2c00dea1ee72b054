//! Dependencies point down only. The table has the layers that DESIGN.md shows, and keeps that picture true.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use structure::{Crate, Import, files, root, rust_files, text};

/// Modules of a crate's root, each with the modules that it may import from.
type Table = &'static [(&'static str, &'static [&'static str])];

/// The modules of `ag-ui-wire`.
const WIRE: Table = &[("json", &[]), ("protocol", &["json"]), ("transcript", &["protocol", "json"])];

/// The modules of `ag-ui-lambda`. The modules of `ag-ui-wire` are re-exported at its root, so they count as well.
const LIBRARY: Table = &[
    ("error_chain", &[]),
    ("log_events", &[]),
    ("suggest", &[]),
    ("model", &["protocol", "error_chain", "json"]),
    ("secrets", &["model", "error_chain"]),
    ("tool", &["protocol", "error_chain", "log_events", "json"]),
    ("auth", &["protocol", "secrets", "json"]),
    ("approval", &["protocol", "auth", "secrets"]),
    ("budget", &["protocol", "auth", "approval", "error_chain", "log_events"]),
    (
        "agent",
        &[
            "protocol",
            "transcript",
            "model",
            "tool",
            "auth",
            "approval",
            "budget",
            "error_chain",
            "log_events",
            "json",
        ],
    ),
    ("testing", &["protocol", "transcript", "agent", "auth", "approval"]),
    ("endpoint", &["protocol", "agent", "auth", "budget", "log_events", "json", "suggest"]),
    ("config", &["protocol", "agent", "auth", "approval", "endpoint", "model", "suggest"]),
    (
        "lambda",
        &[
            "config",
            "agent",
            "auth",
            "approval",
            "budget",
            "endpoint",
            "model",
            "secrets",
            "protocol",
            "error_chain",
            "log_events",
            "json",
        ],
    ),
    ("prelude", &["tool", "auth", "agent", "endpoint", "config", "lambda"]),
];

/// The crates with their tables.
const TABLES: &[(&str, Table)] = &[("crates/ag-ui-wire/src", WIRE), ("crates/ag-ui-lambda/src", LIBRARY)];

#[test]
fn modules_import_only_from_lower_layers() {
    for (source, table) in TABLES {
        let sources = sources(source);
        let imports = sources.imports();

        assert_eq!(against_the_table(table, &imports), Vec::<String>::new());
        let between = |import: &&Import| module(&import.from) != module(&import.to);
        assert!(
            imports.iter().filter(between).count() > 10,
            "the imports are where this test looks: {source}"
        );
        // Imports from ag-ui-wire go through the root, so that the table covers them.
        let past_the_table = sources.users_of("ag_ui_wire").into_iter().find(|file| module(file) != "lib");
        assert_eq!(past_the_table, None);
    }
}

#[test]
fn planted_imports_against_the_table_are_found() {
    for (why, line) in [
        ("by the crate", "use crate::agent::Agent;"),
        ("in braces", "use crate::{agent::Agent, json};"),
        ("by the parent", "use super::super::agent::Agent;"),
        ("by a re-export", "use crate::Agent;"),
        ("of another crate, by the root", "use crate::transcript::Transcript;"),
        ("in the code", "fn f() { crate::agent::start(); }"),
        ("by a module's name", "use crate::agent; fn f() { agent::start(); }"),
        ("in a macro", "fn f() { println!(\"{}\", crate::agent::start()); }"),
    ] {
        let library = planted(&[
            (
                "lib.rs",
                "pub mod agent; mod tool; pub use agent::Agent; use wire::json; pub use wire::transcript;",
            ),
            ("agent.rs", "pub struct Agent; pub fn start() {}"),
            ("tool.rs", "mod context;"),
            ("tool/context.rs", line),
        ]);
        assert_eq!(against_the_table(LIBRARY, &library.imports()).len(), 1, "{why}");
    }
    let below = planted(&[
        ("lib.rs", "mod agent; mod tool;"),
        (
            "agent.rs",
            "use crate::tool::Tool; // crate::endpoint::Endpoint\nconst TEXT: &str = \"crate::lambda::x\";",
        ),
        ("tool.rs", "pub struct Tool; #[cfg(test)] mod tests { use crate::agent::Agent; }"),
    ]);
    assert_eq!(against_the_table(LIBRARY, &below.imports()), Vec::<String>::new(), "code that is allowed");
}

#[test]
fn every_module_is_in_the_table() {
    for (source, table) in TABLES {
        for module in sources(source).files().into_iter().map(module).filter(|module| module != "lib") {
            assert!(table.iter().any(|(name, _)| *name == module), "{module} is not in the table");
        }
    }
}

#[test]
fn no_import_cycles_between_files() {
    for root in roots() {
        let imports = read(&root, &text).imports();
        let cycles = structure::cycles(&imports);
        let is_in_a_cycle = |import: &&Import| {
            cycles.iter().any(|cycle| cycle.contains(&import.from) && cycle.contains(&import.to))
        };
        let inside: Vec<String> = imports.iter().filter(is_in_a_cycle).map(ToString::to_string).collect();
        assert!(inside.is_empty(), "files that import each other in a circle:\n{}", inside.join("\n"));
    }
}

#[test]
fn planted_import_cycles_are_found() {
    let cycles = |files: &[(&str, &str)]| structure::cycles(&planted(files).imports());
    let files = |names: &[&str]| vec![names.iter().map(PathBuf::from).collect::<BTreeSet<_>>()];

    for (why, parent, child) in [
        (
            "a parent that imports its child",
            "mod b; use b::B; pub struct A(B);",
            "use super::A; pub struct B;",
        ),
        ("by paths alone", "mod b; pub fn a() { b::b(); }", "pub fn b() { super::a(); }"),
        (
            "a name that is passed on and used",
            "mod b; pub use b::B; pub struct A(B);",
            "use super::A; pub struct B;",
        ),
        (
            "in an attribute",
            "mod b; #[serde(with = \"b\")] pub struct A(#[serde(with = \"b::f\")] u8);",
            "use crate::a::A;",
        ),
    ] {
        let found = cycles(&[("lib.rs", "mod a;"), ("a.rs", parent), ("a/b.rs", child)]);
        assert_eq!(found, files(&["a.rs", "a/b.rs"]), "{why}");
    }
    let siblings = cycles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::{self, C}; pub struct B;"),
        ("c/mod.rs", "pub use d::D; mod d; pub struct C;"),
        ("c/d.rs", "pub struct D(crate::a::A); "),
    ]);
    assert_eq!(siblings, Vec::<BTreeSet<PathBuf>>::new(), "nobody imports D");

    for (why, parent, child) in [
        ("a child that is declared", "mod b; pub struct A;", "use super::A; pub struct B;"),
        ("a name that is passed on", "mod b; pub struct A; pub use b::B;", "use super::A; pub struct B;"),
        (
            "tests",
            "mod b; pub struct A; #[cfg(test)] mod tests { use super::b::B; }",
            "use super::A; pub struct B;",
        ),
        ("a method", "mod b; pub struct A; fn f(a: A) { a.b() }", "use super::A; pub struct B;"),
        ("a comment", "mod b; pub struct A; /// [`B`](b::B)\nfn f() {}", "use super::A; pub struct B;"),
    ] {
        let found = cycles(&[("lib.rs", "mod a;"), ("a.rs", parent), ("a/b.rs", child)]);
        assert_eq!(found, Vec::<BTreeSet<PathBuf>>::new(), "{why}");
    }
}

#[test]
fn no_module_has_a_path_attribute() {
    let mut seen = 0;
    for file in rust_files() {
        let has_path = structure::has_path_attribute(&text(&file).unwrap()).unwrap();
        assert!(!has_path, "{} has a #[path]", file.display());
        seen += 1;
    }
    assert!(seen > 200, "the files are where this test looks");

    for planted in [
        "#[path = \"../a.rs\"] mod a;",
        "#[cfg_attr(test, path = \"../a.rs\")] mod a;",
        "mod b { #[path = \"../a.rs\"] mod a; }",
    ] {
        assert!(structure::has_path_attribute(planted).unwrap(), "{planted}");
    }
    assert!(
        !structure::has_path_attribute(
            "#[error(\"{path}\", path = 1)] struct A { path: u8 } // #[path = \"a\"]"
        )
        .unwrap()
    );
}

#[test]
fn agent_and_endpoint_name_no_template_tool() {
    for file in ["agent", "endpoint"]
        .iter()
        .flat_map(|module| files(&format!("crates/ag-ui-lambda/src/{module}"), "rs"))
    {
        let text = text(&file).unwrap();
        for tool in ["get_weather", "get_account", "refund_order"] {
            assert!(!text.contains(tool), "{} names {tool}", file.display());
        }
    }
}

/// Returns the imports that the table does not allow.
fn against_the_table(table: Table, imports: &BTreeSet<Import>) -> Vec<String> {
    let is_allowed = |import: &Import| {
        let from = module(&import.from);
        // An item that the root re-exports from another crate counts as a module of the root.
        let to = match module(&import.to) {
            root if root == "lib" => import.item.clone(),
            module => module,
        };
        // The root may import everything.
        let allowed = table.iter().find(|(name, _)| *name == from).map(|(_, allowed)| *allowed);
        from == to || from == "lib" || allowed.is_some_and(|allowed| allowed.contains(&to.as_str()))
    };
    imports.iter().filter(|import| !is_allowed(import)).map(ToString::to_string).collect()
}

/// Returns the module of the crate's root that a file belongs to.
fn module(file: &Path) -> String {
    let source = TABLES.iter().find_map(|(source, _)| file.strip_prefix(source).ok());
    let first =
        source.unwrap_or(file).components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.strip_suffix(".rs").map(ToOwned::to_owned).unwrap_or(first)
}

/// Reads the crate whose root file is in this folder.
fn sources(folder: &str) -> Crate {
    read(&Path::new(folder).join("lib.rs"), &text)
}

/// Returns the root files of all crates of the workspace, except for tests.
fn roots() -> Vec<PathBuf> {
    let packages = ["crates", "examples"].into_iter().flat_map(|folder| {
        fs::read_dir(root().join(folder))
            .unwrap()
            .map(move |entry| Path::new(folder).join(entry.unwrap().file_name()))
    });
    let packages = packages.chain([PathBuf::new()]);
    let roots: Vec<PathBuf> = packages
        .flat_map(|package| {
            let source = package.join("src");
            let bins = files(source.join("bin").to_str().unwrap(), "rs");
            [source.join("lib.rs"), source.join("main.rs")].into_iter().chain(bins)
        })
        .filter(|root| text(root).is_some())
        .collect();
    assert!(roots.len() > 5, "the crates are where this test looks: {roots:?}");
    roots
}

/// Reads a crate, which must be valid.
fn read(root: &Path, text: &dyn Fn(&Path) -> Option<String>) -> Crate {
    Crate::read(root, text).unwrap_or_else(|fault| panic!("{}: {fault}", root.display()))
}

/// Returns a crate that consists of these files.
fn planted(files: &[(&str, &str)]) -> Crate {
    let text = |file: &Path| {
        files.iter().find(|(name, _)| Path::new(name) == file).map(|(_, text)| (*text).to_owned())
    };
    read(Path::new("lib.rs"), &text)
}
