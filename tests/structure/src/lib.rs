//! Reads the sources of this repository, so that tests can find what breaks its rules.
//!
//! The rules are in `tests/`: `layers` has those for imports between files, `vocabulary` those for names, `prose` those for
//! comments and texts, and `signatures` those for functions and public types. This crate only reads.
//!
//! What counts as an import of one file by another:
//!
//! - A `use` or a path in the code that begins with `crate`, `self`, `super`, a child module or a module that was imported, and
//!   leads to an item. It counts for the file that defines the item: a re-export is followed to where it leads.
//! - A name that a module re-exports from its own children counts for the module's own file only where the file writes the
//!   name once more. A module that does nothing but gather its children's names depends on none of them.
//! - `mod child;` does not count, nor does a `use` of a module by itself: its names do, where they are used.
//! - Code under `#[cfg(test)]` does not count, nor does a method that is called, since no name of a file is in it.
//!
//! The reader splits files into tokens as the compiler does and does not expand macros; a path among a macro's arguments is
//! read as any other.

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
pub use signatures::{Function, PublicType, functions, public_types};
pub use workspace::{files, root, rust_files, text};
