//! What the signature of a function or of a public type says.

use proc_macro2::Ident;
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

/// An enum or struct that is `pub`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublicType {
    /// The line of its name, counted from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Whether a variant or a field can be added without breaking users' code: it is `#[non_exhaustive]`, or a struct with a
    /// field that is not public. A struct without fields counts as well, because nobody names its fields.
    pub may_grow: bool,
    /// Whether the comments right above it contain the word "exhaustive", with which they say why it does not grow.
    pub says_why_not: bool,
}

/// Returns the functions and methods of a file, those in functions and in tests included.
///
/// # Errors
/// [`syn::Error`] if the text cannot be parsed as Rust.
pub fn functions(text: &str) -> syn::Result<Vec<Function>> {
    let mut finder = Functions::default();
    finder.visit_file(&syn::parse_file(text)?);
    Ok(finder.found)
}

/// Returns the public enums and structs of a file.
///
/// # Errors
/// [`syn::Error`] if the text cannot be parsed as Rust.
pub fn public_types(text: &str) -> syn::Result<Vec<PublicType>> {
    let mut finder = PublicTypes { lines: text.lines().collect(), found: Vec::new() };
    finder.visit_file(&syn::parse_file(text)?);
    Ok(finder.found)
}

#[derive(Default)]
struct Functions {
    owner: Option<String>,
    found: Vec<Function>,
}

impl Functions {
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

    /// Visits what belongs to a type or trait of this name.
    fn inside(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        visit(self);
        self.owner = outer;
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.inside(None, |this| {
            this.add(&item.sig);
            visit::visit_item_fn(this, item);
        });
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.inside(type_name(&item.self_ty), |this| visit::visit_item_impl(this, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.inside(Some(item.ident.to_string()), |this| visit::visit_item_trait(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }

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
    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        self.found.push(segment.ident.to_string());
        visit::visit_path_segment(self, segment);
    }
}

struct PublicTypes<'a> {
    lines: Vec<&'a str>,
    found: Vec<PublicType>,
}

impl PublicTypes<'_> {
    fn add(
        &mut self,
        visibility: &syn::Visibility,
        name: &Ident,
        attributes: &[syn::Attribute],
        may_grow: bool,
    ) {
        if !matches!(visibility, syn::Visibility::Public(_)) {
            return;
        }
        let line = name.span().start().line;
        // A documentation comment is an attribute, so the item begins with its first attribute, or with a comment above it.
        let mut first = attributes.first().map_or(line, |attribute| attribute.pound_token.span.start().line);
        while first > 1 && is_comment(self.lines[first - 2]) {
            first -= 1;
        }
        let mut comments = self.lines[first - 1..line].iter().filter(|line| is_comment(line));
        let says_why_not = comments.any(|comment| comment.to_lowercase().contains("exhaustive"));
        self.found.push(PublicType { line, name: name.to_string(), may_grow, says_why_not });
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

impl<'ast> Visit<'ast> for PublicTypes<'_> {
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.vis, &item.ident, &item.attrs, is_non_exhaustive(&item.attrs));
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let is_private = |field: &syn::Field| !matches!(field.vis, syn::Visibility::Public(_));
        let may_grow =
            is_non_exhaustive(&item.attrs) || item.fields.is_empty() || item.fields.iter().any(is_private);
        self.add(&item.vis, &item.ident, &item.attrs, may_grow);
    }
}

fn is_non_exhaustive(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"))
}
