//! The Rust code of the documents is compiled: each block of it is part of a file in this folder, of another test, or of an
//! example.
//!
//! The files have what a block leaves out, such as imports and the types of an application. White space and last commas are
//! not compared, so that the documents may break lines and align comments in their own way. To change a block, change it in
//! both places.
//!
//! docs/getting-started.md is not checked here: tests/starter follows it in a project of its own, and compiles its code there.
#![expect(dead_code, reason = "most code of the documents is compiled and not run")]

mod admission;
mod approvals;
mod embedding;
mod identity;
mod readme;
mod starter;
mod testing;
mod tools;

use std::fs;
use std::path::Path;

/// The files that contain the code of the documents.
const COMPILED: [&str; 13] = [
    include_str!("admission.rs"),
    include_str!("approvals.rs"),
    include_str!("embedding.rs"),
    include_str!("identity.rs"),
    include_str!("readme.rs"),
    include_str!("starter.rs"),
    include_str!("testing.rs"),
    include_str!("tools.rs"),
    include_str!("../clients/rust.rs"),
    include_str!("../../../examples/dojo/src/travel.rs"),
    include_str!("../../../examples/embed/src/main.rs"),
    include_str!("../../../examples/smallest/src/main.rs"),
    include_str!("../../../examples/smallest/tests/function.rs"),
];

/// Removes all white space, and the commas that a line break adds.
fn squeezed(code: &str) -> String {
    let code: String = code.split_whitespace().collect();
    code.replace(",}", "}").replace(",)", ")")
}

/// Returns the Rust blocks of a document, each with the number of its first line.
fn rust_blocks(document: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut is_rust = false;
    for (number, line) in (1..).zip(document.lines()) {
        match line.trim_start().strip_prefix("```") {
            Some(language) => {
                is_rust = language.starts_with("rust");
                if is_rust {
                    blocks.push((number + 1, String::new()));
                }
            }
            None if is_rust => {
                let (_, block) = blocks.last_mut().unwrap();
                block.push_str(line);
                block.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// The page whose code tests/starter compiles.
const FOLLOWED: &str = "getting-started.md";

/// Returns the paths of the documents: the README, the notes for coding agents in the starter, and the pages.
fn documents() -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.filter(|path| !path.ends_with(FOLLOWED));
    ["README.md", "starter/AGENTS.md"].map(|file| root.join(file)).into_iter().chain(pages).collect()
}

#[test]
fn rust_of_the_documents_is_compiled() {
    let compiled: Vec<String> = COMPILED.iter().map(|source| squeezed(source)).collect();
    let mut count = 0;
    let mut missing = Vec::new();
    for path in documents() {
        for (line, block) in rust_blocks(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            if !compiled.iter().any(|source| source.contains(&squeezed(&block))) {
                missing.push(format!("{}:{line}\n{block}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "these blocks are in no file that is compiled:\n{}", missing.join("\n"));
    assert!(count >= 20, "only {count} blocks were found");
}

#[test]
fn blocks_are_found_by_their_language() {
    let document =
        "Text\n```rust\nfn f() {}\n```\n```sh\nmake\n```\n- Item:\n  ```rust,no_run\n  fn g() {}\n  ```\n";
    let blocks = [(3, "fn f() {}\n".to_owned()), (10, "  fn g() {}\n".to_owned())];
    assert_eq!(rust_blocks(document), blocks);
}
