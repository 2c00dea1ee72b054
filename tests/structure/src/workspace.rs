//! The files of this repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose files are installed or built, and not written here.
const FOREIGN: [&str; 4] = ["node_modules", "target", ".venv", ".venv-sam"];

/// Returns the path of the repository's top folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads a file, whose path begins at the top folder of the repository. Returns `None` if the file does not exist or is not
/// UTF-8.
pub fn text(file: &Path) -> Option<String> {
    fs::read_to_string(root().join(file)).ok()
}

/// Returns the files with this extension in a folder of the repository and in all folders below it, in order of name.
/// Folders that are installed or built, such as `target`, are skipped.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let is_foreign = FOREIGN.iter().any(|name| path.ends_with(name));
                folders.extend((!is_foreign).then_some(path));
            } else if path.extension().is_some_and(|found| found == extension) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Returns every Rust file of the repository; those of one top folder are together, in order of name.
pub fn rust_files() -> Vec<PathBuf> {
    ["benches", "crates", "examples", "src", "starter", "tests"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .collect()
}
