//! Reads the modules of a crate and resolves each path in them to the file that defines the item.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::items::{self, Module};

/// The number of re-exports that are followed. After that, a name counts for the last file.
const MOST_RE_EXPORTS: usize = 16;

/// The modules of a crate, read from its root file.
#[derive(Debug)]
pub struct Crate {
    nodes: Vec<Node>,
}

/// A module with its file, its parent and its children.
#[derive(Debug)]
struct Node {
    module: Module,
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
}

/// A use of an item in another file than the one that defines it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file with the use.
    pub from: PathBuf,
    /// The file with the definition.
    pub to: PathBuf,
    /// The name of the item. The file defines it or re-exports it from another crate.
    pub item: String,
    /// The path of the item, as the code has it.
    pub path: String,
}

/// The target of a path: a module, or an item in it.
struct Place {
    module: usize,
    item: Option<String>,
}

impl fmt::Display for Import {
    /// Writes the import for the failure of a test: the two files and the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} imports {} of {}", self.from.display(), self.path, self.to.display())
    }
}

/// The reason why a crate cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file of a module does not exist.
    Missing(PathBuf),
    /// A file cannot be split into Rust tokens.
    Syntax(PathBuf),
}

impl fmt::Display for ReadError {
    /// Writes which file is missing or malformed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(file) => write!(f, "{} does not exist", file.display()),
            Self::Syntax(file) => write!(f, "{} cannot be split into tokens", file.display()),
        }
    }
}

impl std::error::Error for ReadError {}

impl Crate {
    /// Reads a crate from its root file: all modules except those under `#[cfg(test)]`.
    ///
    /// `text` returns the content of a file, or `None` if the file does not exist.
    ///
    /// # Errors
    /// [`ReadError`] for the first file that is missing or cannot be split into Rust tokens.
    pub fn read(root: &Path, text: &dyn Fn(&Path) -> Option<String>) -> Result<Self, ReadError> {
        let mut this = Self { nodes: Vec::new() };
        let folder = root.parent().unwrap_or(Path::new(""));
        this.add_file(root.to_owned(), folder, None, text)?;
        Ok(this)
    }

    /// Returns the paths of all files of the crate that were read. A test checks that each of them is in the table of
    /// layers.
    pub fn files(&self) -> BTreeSet<&Path> {
        self.nodes.iter().map(|node| node.file.as_path()).collect()
    }

    /// Returns every use of an item in one file of the crate that another file of the crate defines.
    pub fn imports(&self) -> BTreeSet<Import> {
        (0..self.nodes.len()).flat_map(|module| self.imports_of(module)).collect()
    }

    /// Returns the files of the crate that use the other crate with the name `package`. A test checks that only the
    /// root file uses `ag_ui_wire`.
    pub fn users_of(&self, package: &str) -> BTreeSet<&Path> {
        let names_it = |node: &&Node| {
            let mut paths = node.module.imported.values().chain(&node.module.paths);
            paths.any(|path| path[0] == package)
        };
        self.nodes.iter().filter(names_it).map(|node| node.file.as_path()).collect()
    }

    /// Reads a file and adds its module, with all modules below it; returns the index of the module. `folder` has the files
    /// of its child modules, `parent` is the index of its parent, and `text` returns the content of a file.
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

    /// Adds a module that is in `file`, with all modules below it; returns its index. `folder` has the files of its child
    /// modules, `parent` is the index of its parent, and `text` returns the content of a file.
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

    /// Returns the uses, in the module with the index `this`, of items that other files define.
    fn imports_of(&self, this: usize) -> Vec<Import> {
        let node = &self.nodes[this];
        let used = node.module.imported.iter().filter(|(name, path)| {
            // A name of a child that is only re-exported does not count as an import.
            let is_passed_on = node.module.exported.contains(*name)
                && self.is_of_child(this, path)
                && !node.module.names.contains(*name);
            !is_passed_on
        });
        let paths = used.map(|(_, path)| path).chain(&node.module.paths);
        paths
            .filter_map(|path| {
                let Place { module, item } = self.follow(this, path, MOST_RE_EXPORTS)?;
                let (from, to) = (&node.file, &self.nodes[module].file);
                let import =
                    |item| Import { from: from.clone(), to: to.clone(), item, path: path.join("::") };
                item.filter(|_| to != from).map(import)
            })
            .collect()
    }

    /// Whether a path in the module with the index `this` begins with one of its child modules.
    fn is_of_child(&self, this: usize, path: &[String]) -> bool {
        let path = if path[0] == "self" { &path[1..] } else { path };
        path.first().is_some_and(|first| self.nodes[this].children.contains_key(first))
    }

    /// Finds the module, or the item in a module, that a path in the module with the index `this` names. At most
    /// `re_exports` re-exports are followed.
    ///
    /// Returns `None` for items of other crates, and for a path that begins with an imported item (not a module), because
    /// the `use` of this item counts.
    fn follow(&self, this: usize, path: &[String], re_exports: usize) -> Option<Place> {
        let (first, mut rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => 0,
            "self" => this,
            "super" => self.nodes[this].parent?,
            name => match self.nodes[this].children.get(name) {
                Some(child) => *child,
                None => match self.follow_import(this, name, re_exports)? {
                    Place { module, item: None } => module,
                    Place { .. } => return None,
                },
            },
        };
        while let Some((name, after)) = rest.split_first() {
            let node = &self.nodes[module];
            module = if name == "super" {
                node.parent?
            } else if let Some(child) = node.children.get(name) {
                *child
            } else {
                match self.follow_import(module, name, re_exports) {
                    Some(Place { module, item: None }) => module,
                    Some(place) => return Some(place),
                    None => return Some(Place { module, item: Some(name.clone()) }),
                }
            };
            rest = after;
        }
        Some(Place { module, item: None })
    }

    /// Finds what a `use` in the module with the index `this` has imported as `name`. Returns `None` if there is no such
    /// `use`, if it names another crate, or if no further re-export may be followed.
    fn follow_import(&self, this: usize, name: &str, re_exports: usize) -> Option<Place> {
        let path = self.nodes[this].module.imported.get(name)?;
        // `use http;` imports a crate under its own name, which is not resolved again.
        let is_itself = path.len() == 1 && path[0] == name;
        if is_itself { None } else { self.follow(this, path, re_exports.checked_sub(1)?) }
    }
}
