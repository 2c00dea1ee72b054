//! Reads the sources of this repository, so that tests can find what breaks its rules.
//!
//! The rules are in `tests/`: `layers` has those for imports between files, `vendors` those for names of a cloud, `vocabulary`
//! those for all other names, `prose` those for comments and texts, `signatures` those for functions and public types, and
//! `examples` those for the size of examples. This crate only reads.
//!
//! What counts as an import of one file by another:
//!
//! - A `use` or a path in the code counts if it begins with `crate`, `self`, `super`, a child module or an imported module, and
//!   resolves to an item. It counts for the file that defines the item: re-exports are followed.
//! - A name that a module re-exports from its own children counts for the module's own file only if the file uses the name
//!   somewhere else. A module that only re-exports its children's names does not depend on them.
//! - `mod child;` does not count, nor does the `use` of a module itself. The uses of its items count.
//! - Code under `#[cfg(test)]` does not count, nor does the call of a method, because it names no file.
//!
//! The reader splits files into tokens as the compiler does and does not expand macros. A path among a macro's arguments counts
//! like any other.

mod cycles;
mod definitions;
mod imports;
mod items;
mod prose;
mod signatures;
mod workspace;

pub use cycles::cycles;
pub use definitions::{Definition, DefinitionKind, definitions};
pub use imports::{Crate, Import, ReadError};
pub use items::has_path_attribute;
pub use prose::{Finding, Passage, find, passages, words_of_name};
pub use signatures::{Function, functions};
pub use workspace::{files, root, rust_files, text};
