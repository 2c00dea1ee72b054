//! What a check has found, in an order that shows whose it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The findings of a check, by folder, file and line.
#[derive(Debug, Default)]
pub(crate) struct Report {
    folders: BTreeMap<PathBuf, Vec<(PathBuf, usize, String)>>,
}

impl Report {
    /// Adds what was found in a line of a file.
    pub(crate) fn add(&mut self, file: &Path, line: usize, what: String) {
        let folder = file.parent().unwrap_or(Path::new("")).iter().take(4).collect();
        self.folders.entry(folder).or_default().push((file.to_owned(), line, what));
    }

    /// Returns the number of findings.
    pub(crate) fn len(&self) -> usize {
        self.folders.values().map(Vec::len).sum()
    }

    /// Fails with all findings, if there is one.
    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        let mut lines = Vec::new();
        for (folder, found) in &self.folders {
            lines.push(format!("\n{}/: {}", folder.display(), found.len()));
            lines.extend(
                found.iter().map(|(file, line, what)| format!("  {}:{line}: {what}", file.display())),
            );
        }
        assert!(lines.is_empty(), "{} findings\n{}", self.len(), lines.join("\n"));
    }
}
