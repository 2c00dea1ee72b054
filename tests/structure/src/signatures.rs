//! Facts about functions, read from their signatures.

use syn::visit::{self, Visit};

use crate::definitions::type_name;

/// A function or method, as its signature has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// The line of its name, counted from 1.
    pub line: usize,
    /// Its name, with its type before it if it is a method.
    pub path: String,
    /// How many parameters it has besides `self`.
    pub parameters: usize,
    /// Whether it makes a value of its type: it takes no `self`, returns the type, and is called `new` or begins with
    /// `new_`, `from_` or `with_`.
    pub is_constructor: bool,
}

/// Returns all functions and methods of a Rust file, also those inside of other functions and in tests. A test limits
/// the number of parameters of each function.
///
/// # Errors
/// [`syn::Error`] if the text cannot be parsed as Rust.
pub fn functions(text: &str) -> syn::Result<Vec<Function>> {
    let mut finder = Functions::default();
    finder.visit_file(&syn::parse_file(text)?);
    Ok(finder.found)
}

/// Collects the functions while it walks through the syntax tree of a file.
#[derive(Default)]
struct Functions {
    /// The type or trait that is being visited, if any.
    owner: Option<String>,
    found: Vec<Function>,
}

impl Functions {
    /// Records a function: its line, its path, the number of its parameters, and whether it is a constructor.
    fn add(&mut self, signature: &syn::Signature) {
        let name = signature.ident.to_string();
        let has_receiver = signature.receiver().is_some();
        let mut returned = TypeNames::default();
        returned.visit_return_type(&signature.output);
        let is_its_type = |name: &String| name == "Self" || self.owner.as_ref() == Some(name);
        let returns_its_type = returned.found.iter().any(is_its_type);
        let is_constructor_name =
            name == "new" || ["new_", "from_", "with_"].iter().any(|prefix| name.starts_with(prefix));
        self.found.push(Function {
            line: signature.ident.span().start().line,
            path: self.owner.as_ref().map_or_else(|| name.clone(), |owner| format!("{owner}::{name}")),
            parameters: signature.inputs.len() - usize::from(has_receiver),
            is_constructor: !has_receiver && self.owner.is_some() && returns_its_type && is_constructor_name,
        });
    }

    /// Calls `visit` with `owner` as the current type or trait, and restores the one before.
    fn inside(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = outer;
    }
}

impl<'ast> Visit<'ast> for Functions {
    /// Records a function that has no owner, and visits the functions inside of it.
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.inside(None, |this| {
            this.add(&item.sig);
            visit::visit_item_fn(this, item);
        });
    }

    /// Visits the methods of an `impl` block with its type as their owner.
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.inside(type_name(&item.self_ty), |this| visit::visit_item_impl(this, item));
    }

    /// Visits the methods of a trait with the trait as their owner.
    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.inside(Some(item.ident.to_string()), |this| visit::visit_item_trait(this, item));
    }

    /// Records a method of an `impl` block, and visits the functions inside of it.
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }

    /// Records a method of a trait, and visits the functions inside of it.
    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.add(&item.sig);
        visit::visit_trait_item_fn(self, item);
    }
}

/// The names in a type.
#[derive(Default)]
struct TypeNames {
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for TypeNames {
    /// Records one name of a type's path, and visits its type arguments.
    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        self.found.push(segment.ident.to_string());
        visit::visit_path_segment(self, segment);
    }
}
