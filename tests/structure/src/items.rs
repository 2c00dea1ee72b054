//! Reads one file: the modules that it declares, its imports, and each path in its code.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, Ident, LexError, TokenStream, TokenTree};

/// A module before its names are resolved.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The child modules with files of their own.
    pub(crate) declared: Vec<String>,
    /// The child modules whose code is in this file.
    pub(crate) inline: BTreeMap<String, Module>,
    /// The imports of `use`, by the name in this module.
    pub(crate) imported: BTreeMap<String, Vec<String>>,
    /// The imported names that are re-exported.
    pub(crate) exported: BTreeSet<String>,
    /// Every path of two names or more, in a `use` or in the code.
    pub(crate) paths: BTreeSet<Vec<String>>,
    /// Every name in the code that is not part of a longer path or of a `use`.
    pub(crate) names: BTreeSet<String>,
}

/// Reads the modules, imports and paths of one Rust file, without resolving them; an error if the text cannot be split into
/// tokens. [`Crate::read`](crate::Crate::read) calls this for each file.
pub(crate) fn read(text: &str) -> Result<Module, LexError> {
    let mut module = Module::default();
    scan(&tokens(text.parse()?), &mut module, true);
    Ok(module)
}

/// Whether a Rust file has the attribute `#[path]`, which moves the file of a module to another place. A test forbids
/// the attribute, since [`Crate::read`](crate::Crate::read) does not follow it.
///
/// # Errors
/// If the text cannot be split into Rust tokens.
pub fn has_path_attribute(text: &str) -> Result<bool, LexError> {
    Ok(any_path_attribute(&tokens(text.parse()?)))
}

/// Whether any attribute among these tokens, at any depth, is `#[path]`.
fn any_path_attribute(tokens: &[TokenTree]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => {
            let inner = self::tokens(group.stream());
            let is_attribute = group.delimiter() == Delimiter::Bracket
                && at > 0
                && (is_punct(&tokens[at - 1], '#') || is_punct(&tokens[at - 1], '!'));
            (is_attribute && is_path_attribute(&inner)) || any_path_attribute(&inner)
        }
        _ => false,
    })
}

/// Whether the tokens of an attribute are `path = ".."`, or a `cfg_attr(condition, path = "..")` that sets it.
fn is_path_attribute(attribute: &[TokenTree]) -> bool {
    let is_path = |tokens: &[TokenTree]| matches!(tokens, [name, equals, ..] if is_ident(name, "path") && is_punct(equals, '='));
    match attribute {
        [name, TokenTree::Group(group), ..] if is_ident(name, "cfg_attr") => {
            tokens_of(group).split(|token| is_punct(token, ',')).skip(1).any(is_path)
        }
        attribute => is_path(attribute),
    }
}

/// Adds the child modules, imports and paths in these tokens to `module`. `is_top` is true for the tokens of the module's
/// items, and false inside of brackets.
fn scan(tokens: &[TokenTree], module: &mut Module, is_top: bool) {
    let mut at = 0;
    let mut is_public = false;
    while at < tokens.len() {
        match &tokens[at] {
            token if is_punct(token, '#') => {
                let (attribute, after) = attribute(tokens, at);
                at = match attribute {
                    Some(group) if is_for_tests(group) => index_after_item(tokens, after),
                    Some(group) => {
                        quoted_paths(group, module);
                        after
                    }
                    None => at + 1,
                };
                continue;
            }
            TokenTree::Ident(word) if word == "pub" => {
                is_public = true;
                // The parentheses of `pub(crate)` hold no path that counts.
                let has_scope = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                at += if is_top && has_scope { 2 } else { 1 };
                continue;
            }
            TokenTree::Ident(word) if word == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(body)) = (tokens.get(at + 1), tokens.get(at + 2)) {
                    match body {
                        TokenTree::Group(group) => {
                            let inner = module.inline.entry(name.to_string()).or_default();
                            scan(&self::tokens(group.stream()), inner, true);
                        }
                        _ => module.declared.push(name.to_string()),
                    }
                    at += 2;
                }
            }
            TokenTree::Ident(word) if word == "use" && !next_is(tokens, at, '<') => {
                let end = (at..tokens.len()).find(|&at| is_punct(&tokens[at], ';')).unwrap_or(tokens.len());
                let mut found = Vec::new();
                tree(&tokens[at + 1..end], &mut Vec::new(), &mut found);
                for (name, path) in found {
                    if is_top {
                        if is_public {
                            module.exported.insert(name.clone());
                        }
                        module.imported.insert(name, path);
                    } else {
                        module.paths.insert(path);
                    }
                }
                at = end;
            }
            TokenTree::Ident(first) => {
                let (path, end) = path(tokens, at, first);
                let is_member = at > 0 && is_punct(&tokens[at - 1], '.');
                match path.as_slice() {
                    [name] if !is_member => {
                        module.names.insert(name.clone());
                    }
                    [first, _, ..] => {
                        module.names.insert(first.clone());
                        module.paths.insert(path);
                    }
                    _ => {}
                }
                at = end;
            }
            TokenTree::Group(group) => scan(&self::tokens(group.stream()), module, false),
            _ => {}
        }
        is_public = false;
        at += 1;
    }
}

/// Returns the path that begins with the name `first` at the index `at`, and the index of the path's last token.
fn path(tokens: &[TokenTree], at: usize, first: &Ident) -> (Vec<String>, usize) {
    let mut path = vec![first.to_string()];
    let mut end = at;
    while let (true, Some(TokenTree::Ident(next))) = (is_separator(tokens, end + 1), tokens.get(end + 3)) {
        path.push(next.to_string());
        end += 3;
    }
    (path, end)
}

/// Adds to `found` each name that a `use` imports, with its path. `tokens` are the tree of the `use`, or a part of it, and
/// `prefix` is the path before this part. A `*` is skipped, since it has no name that could be resolved.
fn tree(tokens: &[TokenTree], prefix: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    let depth = prefix.len();
    let mut renamed = None;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "as" => {
                renamed = tokens.get(at + 1).map(ToString::to_string);
                break;
            }
            // `a::{self}` is `a`.
            TokenTree::Ident(word) if word == "self" && !prefix.is_empty() => {}
            TokenTree::Ident(word) => prefix.push(word.to_string()),
            TokenTree::Group(group) => {
                let inner = self::tokens(group.stream());
                for branch in inner.split(|token| is_punct(token, ',')).filter(|branch| !branch.is_empty()) {
                    tree(branch, prefix, found);
                }
                prefix.truncate(depth);
                return;
            }
            token if is_punct(token, '*') => {
                prefix.truncate(depth);
                return;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(name) = renamed.or_else(|| prefix.last().cloned()) {
        found.push((name, prefix.clone()));
    }
    prefix.truncate(depth);
}

/// Returns the brackets of the attribute whose `#` is at the index `at`, and the index after the attribute.
fn attribute(tokens: &[TokenTree], at: usize) -> (Option<&Group>, usize) {
    let at = if next_is(tokens, at, '!') { at + 2 } else { at + 1 };
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => (Some(group), at + 1),
        _ => (None, at),
    }
}

/// Whether an attribute is `cfg(test)` or `cfg(all(test, ..))`, so that its item is only for tests.
fn is_for_tests(attribute: &Group) -> bool {
    /// Returns the tokens in the parentheses after `word`; `None` if the tokens do not begin with `word` and parentheses.
    fn inside(tokens: &[TokenTree], word: &str) -> Option<Vec<TokenTree>> {
        match tokens {
            [first, TokenTree::Group(group), ..] if is_ident(first, word) => Some(tokens_of(group)),
            _ => None,
        }
    }
    let Some(condition) = inside(&tokens_of(attribute), "cfg") else { return false };
    let all = inside(&condition, "all").unwrap_or_else(|| condition.into_iter().take(1).collect());
    all.iter().any(|token| is_ident(token, "test"))
}

/// Returns the index after the item that begins at the index `at`, so that the item can be skipped.
fn index_after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while at < tokens.len() {
        if is_punct(&tokens[at], '#') {
            at = attribute(tokens, at).1;
            continue;
        }
        let is_block =
            matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_block && !is_in_use(tokens, at) || is_punct(&tokens[at], ';') {
            return at + 1;
        }
        at += 1;
    }
    at
}

/// Whether the braces at the index `at` follow a `::`, so that they belong to a `use` like `use a::{b, c};`.
fn is_in_use(tokens: &[TokenTree], at: usize) -> bool {
    at > 1 && is_separator(tokens, at - 2)
}

/// Adds to `module` the paths in the strings of an attribute, as in serde's `with = "a::b"`.
fn quoted_paths(attribute: &Group, module: &mut Module) {
    let tokens = tokens_of(attribute);
    if tokens.first().is_some_and(|token| is_ident(token, "doc")) {
        return;
    }
    for token in deep(&tokens) {
        let TokenTree::Literal(literal) = token else { continue };
        let text = literal.to_string();
        let path: Vec<String> = text.trim_matches('"').split("::").map(ToOwned::to_owned).collect();
        let is_name =
            |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if path.len() > 1 && path.iter().all(is_name) {
            module.paths.insert(path);
        }
    }
}

/// Returns the tokens of a stream as a list; a pair of brackets with its content is one token.
fn tokens(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

/// Returns the tokens inside of a pair of brackets.
fn tokens_of(group: &Group) -> Vec<TokenTree> {
    tokens(group.stream())
}

/// Returns all tokens in order, with those inside of brackets in place of the brackets.
fn deep(tokens: &[TokenTree]) -> Vec<TokenTree> {
    tokens
        .iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => deep(&tokens_of(group)),
            token => vec![token.clone()],
        })
        .collect()
}

/// Whether a `::` begins at the index `at`.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at: usize| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
    is_colon(at) && is_colon(at + 1)
}

/// Whether the token after the index `at` is the punctuation character `c`.
fn next_is(tokens: &[TokenTree], at: usize, c: char) -> bool {
    tokens.get(at + 1).is_some_and(|token| is_punct(token, c))
}

/// Whether a token is the punctuation character `c`.
fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

/// Whether a token is the identifier or keyword `word`.
fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
