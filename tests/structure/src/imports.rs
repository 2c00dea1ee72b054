//! The modules of a crate, and each path in them followed to the file that it leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::items::{self, Module};

/// How many re-exports are followed before a name counts for where it was found last.
const MOST_RE_EXPORTS: usize = 16;

/// A crate, read from its root file on.
#[derive(Debug)]
pub struct Crate {
    nodes: Vec<Node>,
}

/// A module in its place.
#[derive(Debug)]
struct Node {
    module: Module,
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
}

/// A file names what another one defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file that names.
    pub from: PathBuf,
    /// The file that defines.
    pub to: PathBuf,
    /// What is named, as it is written.
    pub path: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} imports {} of {}", self.from.display(), self.path, self.to.display())
    }
}

/// Why a crate could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// A module has no file.
    Missing(PathBuf),
    /// A file is no Rust.
    Syntax(PathBuf),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(file) => write!(f, "{} is not there", file.display()),
            Self::Syntax(file) => write!(f, "{} can't be split into tokens", file.display()),
        }
    }
}

impl std::error::Error for ReadError {}

impl Crate {
    /// Reads the crate whose root is this file, with all its modules that are not for tests.
    ///
    /// `text` gives a file's text, `None` for a file that is not there.
    ///
    /// # Errors
    /// [`ReadError`] for the first file that is missing or no Rust.
    pub fn read(root: &Path, text: &dyn Fn(&Path) -> Option<String>) -> Result<Self, ReadError> {
        let mut this = Self { nodes: Vec::new() };
        let folder = root.parent().unwrap_or(Path::new(""));
        this.add_file(root.to_owned(), folder, None, text)?;
        Ok(this)
    }

    /// The files.
    pub fn files(&self) -> BTreeSet<&Path> {
        self.nodes.iter().map(|node| node.file.as_path()).collect()
    }

    /// Who names what of whom, within the crate and between its files.
    pub fn imports(&self) -> BTreeSet<Import> {
        (0..self.nodes.len()).flat_map(|module| self.imports_of(module)).collect()
    }

    fn add_file(
        &mut self,
        file: PathBuf,
        folder: &Path,
        parent: Option<usize>,
        text: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<usize, ReadError> {
        let content = text(&file).ok_or_else(|| ReadError::Missing(file.clone()))?;
        let module = items::read(&content).map_err(|_| ReadError::Syntax(file.clone()))?;
        self.add(module, file, folder, parent, text)
    }

    /// `folder` is where the files of the module's children are.
    fn add(
        &mut self,
        mut module: Module,
        file: PathBuf,
        folder: &Path,
        parent: Option<usize>,
        text: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<usize, ReadError> {
        let declared = std::mem::take(&mut module.declared);
        let inline = std::mem::take(&mut module.inline);
        let this = self.nodes.len();
        self.nodes.push(Node { module, file: file.clone(), parent, children: BTreeMap::new() });
        for name in declared {
            let (plain, nested) = (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
            let child = if text(&nested).is_some() { nested } else { plain };
            let child = self.add_file(child, &folder.join(&name), Some(this), text)?;
            self.nodes[this].children.insert(name, child);
        }
        for (name, module) in inline {
            let child = self.add(module, file.clone(), &folder.join(&name), Some(this), text)?;
            self.nodes[this].children.insert(name, child);
        }
        Ok(this)
    }

    fn imports_of(&self, this: usize) -> Vec<Import> {
        let node = &self.nodes[this];
        let used = node.module.imported.iter().filter(|(name, path)| {
            // A name of a child that is only passed on is no import.
            let is_passed_on = node.module.exported.contains(*name)
                && self.is_of_child(this, path)
                && !node.module.names.contains(*name);
            !is_passed_on
        });
        let paths = used.map(|(_, path)| path).chain(&node.module.paths);
        paths
            .filter_map(|path| {
                let (to, is_module) = self.follow(this, path, MOST_RE_EXPORTS)?;
                let to = &self.nodes[to].file;
                let import = || Import { from: node.file.clone(), to: to.clone(), path: path.join("::") };
                (!is_module && *to != node.file).then(import)
            })
            .collect()
    }

    fn is_of_child(&self, this: usize, path: &[String]) -> bool {
        let path = if path[0] == "self" { &path[1..] } else { path };
        path.first().is_some_and(|first| self.nodes[this].children.contains_key(first))
    }

    /// The module that a path leads to, or into, and whether it leads to the module itself. `None` for what is of another
    /// crate, and for a name that a `use` of the same module has brought: that one counts.
    fn follow(&self, this: usize, path: &[String], re_exports: usize) -> Option<(usize, bool)> {
        let (first, rest) = path.split_first()?;
        let (mut at, mut rest) = match first.as_str() {
            "crate" => (0, rest),
            "self" => (this, rest),
            "super" => (self.nodes[this].parent?, rest),
            name => match self.nodes[this].children.get(name) {
                Some(child) => (*child, rest),
                None => {
                    let imported = self.nodes[this].module.imported.get(name)?;
                    // A module must not be followed into itself, as `use http; http::x` would be.
                    let is_itself = imported == std::slice::from_ref(first);
                    match (re_exports > 0 && !is_itself)
                        .then(|| self.follow(this, imported, re_exports - 1))??
                    {
                        (module, true) => (module, rest),
                        (_, false) => return None,
                    }
                }
            },
        };
        while let Some((name, behind)) = rest.split_first() {
            let node = &self.nodes[at];
            if name == "super" {
                at = node.parent?;
            } else if let Some(child) = node.children.get(name) {
                at = *child;
            } else {
                let imported = node.module.imported.get(name);
                let followed = imported
                    .filter(|path| re_exports > 0 && path.as_slice() != std::slice::from_ref(name))
                    .and_then(|path| self.follow(at, path, re_exports - 1));
                match followed {
                    Some((module, true)) => at = module,
                    Some((module, false)) => return Some((module, false)),
                    None => return Some((at, false)),
                }
            }
            rest = behind;
        }
        Some((at, true))
    }
}
