//! The names that a Rust file defines: items, methods, fields, variants, and the variables of functions.

use proc_macro2::Ident;
use syn::visit::{self, Visit};

/// What a name stands for.
///
/// Exhaustive: the checks have to decide for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    /// A function, a method, a type, a trait, a constant, a static, a module or a macro.
    Item,
    /// A field of a struct or of an enum's variant.
    Field,
    /// A variant of an enum.
    Variant,
    /// A variable of a function: a parameter, a `let`, a name in a pattern.
    Variable,
}

/// A name at the place where it is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// The line, counted from 1.
    pub line: usize,
    /// What the name stands for.
    pub kind: DefinitionKind,
    /// The type or trait that a method, a field or a variant belongs to.
    pub owner: Option<String>,
    /// The name.
    pub name: String,
}

impl Definition {
    /// Returns the name with its owner before it, as in `Owner::name`; the name alone if it has no owner.
    pub fn path(&self) -> String {
        self.owner.as_ref().map_or_else(|| self.name.clone(), |owner| format!("{owner}::{}", self.name))
    }
}

/// Returns all names that a Rust file defines, in order. Names in the body of a macro are not found, because macros are not
/// expanded. The test of the vocabulary checks the words of these names.
///
/// # Errors
/// [`syn::Error`] if the text cannot be parsed as Rust.
pub fn definitions(text: &str) -> syn::Result<Vec<Definition>> {
    let mut finder = Finder::default();
    finder.visit_file(&syn::parse_file(text)?);
    Ok(finder.found)
}

/// Returns the last name in a type's path, such as the type that an `impl` block is for. References are skipped. Returns
/// `None` for a type without a name, such as a tuple. The methods of an `impl` block get this name as their owner.
pub(crate) fn type_name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        syn::Type::Reference(reference) => type_name(&reference.elem),
        _ => None,
    }
}

/// Collects the names while it walks through the syntax tree of a file.
#[derive(Default)]
struct Finder {
    /// The type or trait that is being visited, if any.
    owner: Option<String>,
    found: Vec<Definition>,
}

impl Finder {
    /// Records a definition of `name`, with its line.
    fn add(&mut self, kind: DefinitionKind, owner: Option<String>, name: &Ident) {
        let line = name.span().start().line;
        let name = name.to_string().trim_start_matches("r#").to_owned();
        self.found.push(Definition { line, kind, owner, name });
    }

    /// Records the name of an item that has no owner.
    fn item(&mut self, name: &Ident) {
        self.add(DefinitionKind::Item, None, name);
    }

    /// Records the name of a method, constant or type that belongs to the current owner.
    fn member(&mut self, name: &Ident) {
        self.add(DefinitionKind::Item, self.owner.clone(), name);
    }

    /// Calls `visit` with `owner` as the current owner, and restores the one before.
    fn inside(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = outer;
    }
}

impl<'ast> Visit<'ast> for Finder {
    /// Records the name of a function, and visits its variables.
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.item(&item.sig.ident);
        self.inside(None, |this| visit::visit_item_fn(this, item));
    }

    /// Records the name of a struct, and visits its fields.
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.item(&item.ident);
        self.inside(Some(item.ident.to_string()), |this| visit::visit_item_struct(this, item));
    }

    /// Records the name of an enum, and visits its variants.
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.item(&item.ident);
        self.inside(Some(item.ident.to_string()), |this| visit::visit_item_enum(this, item));
    }

    /// Records the name of a trait, and visits its methods and constants.
    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.item(&item.ident);
        self.inside(Some(item.ident.to_string()), |this| visit::visit_item_trait(this, item));
    }

    /// Visits the methods and constants of an `impl` block with its type as their owner.
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // The names in an implementation of a trait are the trait's choice.
        let owner = type_name(&item.self_ty);
        self.inside(owner, |this| visit::visit_item_impl(this, item));
    }

    /// Records the name of a type alias.
    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.item(&item.ident);
    }

    /// Records the name of a constant, and visits its value.
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.item(&item.ident);
        visit::visit_item_const(self, item);
    }

    /// Records the name of a static, and visits its value.
    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.item(&item.ident);
        visit::visit_item_static(self, item);
    }

    /// Records the name of a module, and visits its items.
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.item(&item.ident);
        visit::visit_item_mod(self, item);
    }

    /// Records the name of a macro that is defined here; a call of a macro has none.
    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if let Some(name) = &item.ident {
            self.item(name);
        }
    }

    /// Records the name of a method of an `impl` block, and visits its variables.
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.member(&item.sig.ident);
        visit::visit_impl_item_fn(self, item);
    }

    /// Records the name of a constant of an `impl` block.
    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.member(&item.ident);
    }

    /// Records the name of a method of a trait, and visits its variables.
    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.member(&item.sig.ident);
        visit::visit_trait_item_fn(self, item);
    }

    /// Records the name of a constant of a trait.
    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.member(&item.ident);
    }

    /// Records the name of an associated type of a trait.
    fn visit_trait_item_type(&mut self, item: &'ast syn::TraitItemType) {
        self.member(&item.ident);
    }

    /// Records the name of a variant of an enum, and visits its fields.
    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.add(DefinitionKind::Variant, self.owner.clone(), &variant.ident);
        visit::visit_variant(self, variant);
    }

    /// Records the name of a field; a field of a tuple has none.
    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident {
            self.add(DefinitionKind::Field, self.owner.clone(), name);
        }
    }

    /// Records the name of a variable: a parameter, a `let` or a name in a pattern.
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.add(DefinitionKind::Variable, None, &pattern.ident);
        visit::visit_pat_ident(self, pattern);
    }
}
