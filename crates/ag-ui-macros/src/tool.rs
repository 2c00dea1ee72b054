//! Writes the tool of a function.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, ItemFn, Lit, Meta, PathArguments, Result, Type,
};

/// Returns the function with a second one that creates its tool. After a mistake the second one creates nothing, so that
/// the compiler reports the mistake alone.
pub(crate) fn expand(arguments: &TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = Error::new(error.span(), "`#[tool]` belongs on an async function").to_compile_error();
            return quote!(#item #error);
        }
    };
    let tool = tool(arguments, &function).unwrap_or_else(|error| {
        let (error, name, visibility) = (error.to_compile_error(), tool_name(&function), &function.vis);
        let (generics, types) = types_after_mistake(&function);
        quote! {
            #error
            #[allow(dead_code, missing_docs)]
            #visibility fn #name #generics() -> ::ag_ui_lambda::tool::FnTool<#types> {
                ::core::unreachable!()
            }
        }
    });
    quote!(#function #tool)
}

/// Returns the generic parameters and the types of a tool whose function has a mistake. The types are those of the parameters
/// where they can be, so that rules which are added to the tool lead to no further errors.
fn types_after_mistake(function: &ItemFn) -> (Option<TokenStream>, TokenStream) {
    let types = function.sig.inputs.iter().filter_map(|parameter| match parameter {
        FnArg::Typed(parameter) => Some(&*parameter.ty),
        FnArg::Receiver(_) => None,
    });
    // Types with parameters of the function mean nothing outside of it.
    let types: Vec<&Type> = types.filter(|_| function.sig.generics.params.is_empty()).collect();
    let caller = types.iter().find_map(|parameter| caller_type(parameter)).filter(|caller| is_owned(caller));
    let is_args = |parameter: &&&Type| caller_type(parameter).is_none() && is_owned(parameter);
    let args = types.iter().find(is_args).map_or_else(no_args, |args| quote!(#args));
    match caller {
        Some(caller) => (None, quote!(#caller, #args)),
        None => (Some(open_caller()), quote!(__Caller, #args)),
    }
}

/// The type of the arguments of a tool that takes none.
fn no_args() -> TokenStream {
    quote!(::ag_ui_lambda::tool::NoArgs)
}

/// The generic parameters of a tool that does not name its caller type, which is then `__Caller`.
fn open_caller() -> TokenStream {
    quote!(<__Caller: ::core::marker::Send + ::core::marker::Sync + 'static>)
}

/// Whether a type can be written outside of the function: it is no `impl` type, and has no reference and no lifetime, except for
/// one that is valid forever.
fn is_owned(of: &Type) -> bool {
    has_no_borrow(of.to_token_stream())
}

/// Whether the tokens of a type have no `impl`, no `&` and no lifetime but `'static`.
fn has_no_borrow(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_owned = match (token, tokens.peek()) {
            (TokenTree::Group(group), _) => has_no_borrow(group.stream()),
            (TokenTree::Ident(word), _) => word != "impl",
            (TokenTree::Punct(mark), Some(TokenTree::Punct(next))) if mark.as_char() == '&' => {
                next.as_char() == '\''
            }
            (TokenTree::Punct(mark), Some(TokenTree::Ident(name))) if mark.as_char() == '\'' => {
                name == "static"
            }
            (TokenTree::Punct(mark), _) => mark.as_char() != '&',
            (TokenTree::Literal(_), _) => true,
        };
        if !is_owned {
            return false;
        }
    }
    true
}

/// The name of the function that creates the tool.
fn tool_name(function: &ItemFn) -> syn::Ident {
    format_ident!("{}_tool", function.sig.ident)
}

/// Returns the function that creates the tool of a function.
///
/// # Errors
/// The mistake, at the place where it is.
fn tool(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let (signature, visibility, name) = (&function.sig, &function.vis, tool_name(function));
    if !arguments.is_empty() {
        let advice = format!(
            "`#[tool]` takes nothing: the name is that of the function, the description is its doc comment, and rules \
             are added to the tool, as in `{name}().needs_approval()`"
        );
        return Err(Error::new(arguments.span(), advice));
    }
    if signature.asyncness.is_none() {
        return Err(Error::new(signature.fn_token.span, "a tool is an async function: write `async fn`"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(signature.generics.span(), "a tool has no generic parameters"));
    }
    let Some(description) = description(function) else {
        let advice = "a tool needs a description, which the model reads: write a doc comment above the function, as in \
                      `/// Looks an order up.`";
        return Err(Error::new(signature.ident.span(), advice));
    };
    let (caller, args) = parameters(function)?;
    let generics = caller.is_none().then(open_caller);
    let caller = caller.map_or_else(|| quote!(__Caller), |caller| quote!(#caller));
    let args = args.map_or_else(no_args, |args| quote!(#args));
    let ident = &signature.ident;
    let documentation = format!("Creates the tool `{}` from the function of that name.", ident.unraw());
    let attributes = function.attrs.iter().filter_map(attribute_of_tool);
    let text = ident.unraw().to_string();
    // With the span of the function, so that a mistake in its types is shown there. The caller type is named, so that a context
    // under another name is reported as a parameter that cannot be used, and not as a wrong type of the tool.
    let body = quote_spanned!(ident.span()=>
        ::ag_ui_lambda::tool::tool_fn::<_, _, #caller>(#text, #description, #ident)
    );
    // Means nothing in a module. In an `impl` the compiler reports that no implementation may stand there, at the function.
    let no_impl = quote_spanned!(ident.span()=> #[cfg(false)] impl #ident {});
    Ok(quote! {
        #no_impl
        #[doc = #documentation]
        #(#attributes)*
        #[allow(deprecated, non_snake_case)]
        #[must_use]
        #visibility fn #name #generics() -> ::ag_ui_lambda::tool::FnTool<#caller, #args> {
            #body
        }
    })
}

/// Returns the attribute that the tool gets because its function has this one; `None` for an attribute that is for the function
/// alone. A deprecated function has a deprecated tool, and levels of lints are for both. A lint that is expected in the function
/// need not be found in the tool, where it is only allowed.
fn attribute_of_tool(attribute: &Attribute) -> Option<TokenStream> {
    let path = attribute.path();
    let is_any = |names: &[&str]| names.iter().any(|name| path.is_ident(name));
    match &attribute.meta {
        Meta::List(list) if is_any(&["expect"]) => {
            let lints = &list.tokens;
            Some(quote!(#[allow(#lints)]))
        }
        Meta::List(_) if is_any(&["allow", "warn", "deny", "forbid", "doc"]) => Some(quote!(#attribute)),
        _ if is_any(&["deprecated"]) => Some(quote!(#attribute)),
        _ => None,
    }
}

/// Returns an expression for the text of a function's doc comment, as the documentation shows it; `None` if it has none. A part
/// of it may be a macro, as in `#[doc = include_str!("find.md")]`.
fn description(function: &ItemFn) -> Option<TokenStream> {
    let parts = function.attrs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => Some(&meta.value),
        _ => None,
    });
    let mut texts = vec![String::new()];
    let mut macros = Vec::new();
    for part in parts {
        match part {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                if let Some(before) = texts.last_mut() {
                    before.push_str(&doc_text(&text.value()));
                    before.push('\n');
                }
            }
            Expr::Macro(call) => {
                macros.push(call);
                texts.push("\n".to_owned());
            }
            _ => {}
        }
    }
    match (macros.as_slice(), texts.as_slice()) {
        ([], [text]) => Some(text.trim()).filter(|text| !text.is_empty()).map(|text| quote!(#text)),
        (_, [first, others @ ..]) => Some(quote!(::core::concat!(#first #(, #macros, #others)*).trim())),
        (_, []) => None,
    }
}

/// Returns the text of a piece of a doc comment: without the space at the begin of a line, and without the stars and the
/// indentation of a comment in a block.
fn doc_text(piece: &str) -> String {
    let Some((first, rest)) = piece.split_once('\n') else {
        return piece.strip_prefix(' ').unwrap_or(piece).to_owned();
    };
    let lines = || rest.lines().filter(|line| !line.trim().is_empty());
    let has_stars = lines().all(|line| line.starts_with(char::is_whitespace) && line.trim().starts_with('*'));
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let common = lines().map(indentation).min().unwrap_or_default();
    let stripped = rest.lines().map(|line| match has_stars {
        true => {
            let text = line.trim_start().strip_prefix('*').unwrap_or_default();
            text.strip_prefix(' ').unwrap_or(text)
        }
        false => line.get(common..).unwrap_or_default(),
    });
    [first.trim_start()].into_iter().chain(stripped).collect::<Vec<_>>().join("\n")
}

/// Returns the caller type and the type of the arguments of a function, as far as its parameters name them.
///
/// # Errors
/// If these are not the parameters of a tool.
fn parameters(function: &ItemFn) -> Result<(Option<&Type>, Option<&Type>)> {
    let types = function.sig.inputs.iter().map(|parameter| match parameter {
        FnArg::Typed(parameter) => Ok(&*parameter.ty),
        FnArg::Receiver(receiver) => Err(Error::new(
            receiver.span(),
            "`#[tool]` belongs on a function without `self`: a type that owns a client implements the trait `Tool`",
        )),
    });
    let (caller, args) = match types.collect::<Result<Vec<&Type>>>()?[..] {
        [] => Ok((None, None)),
        [only] => Ok(caller_type(only).map_or((None, Some(only)), |caller| (Some(caller), None))),
        [context, args] => match caller_type(context) {
            Some(caller) => Ok((Some(caller), Some(args))),
            None => {
                let advice = match caller_type(args) {
                    Some(_) => {
                        "the first parameter of a tool is its context, `ToolContext<Caller>`, and the second its arguments"
                    }
                    None => {
                        "the first parameter of a tool is its context: write `ToolContext<Caller>`, because the attribute \
                         knows the context by this name alone"
                    }
                };
                Err(Error::new(context.span(), advice))
            }
        },
        [_, _, third, ..] => Err(Error::new(
            third.span(),
            "a tool has at most two parameters, the context and the arguments: what else it needs, such as a client, is \
             captured by a closure that `tool_fn` takes, or owned by a type that implements the trait `Tool`",
        )),
    }?;
    let borrowed = |of: Option<&Type>, advice| match of.filter(|of| !is_owned(of)) {
        Some(of) => Err(Error::new(of.span(), advice)),
        None => Ok(()),
    };
    borrowed(
        caller,
        "the caller of a tool is a type that owns what it holds, because it lives as long as the run: write \
         `ToolContext<Caller>` with a struct of your own, or `ToolContext<String>`",
    )?;
    borrowed(
        args,
        "a tool gets its arguments by value: write a type that owns what it holds, without `&`, without a lifetime and \
         without `impl`",
    )?;
    Ok((caller, args))
}

/// Returns the caller type of `ToolContext<Caller>`; `None` for any other type.
fn caller_type(parameter: &Type) -> Option<&Type> {
    let Type::Path(path) = parameter else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "ToolContext")?;
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(caller)) => Some(caller),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the attribute writes for a function, without the function itself and without spaces.
    fn written(function: &str) -> std::result::Result<String, String> {
        let function = syn::parse_str(function).map_err(|error| error.to_string())?;
        tool(&TokenStream::new(), &function)
            .map(|tokens| tokens.to_string().replace([' ', '\n'], ""))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn name_and_description_are_those_of_the_function() {
        let tool = written(
            "/// Looks an order up.
            ///
            /// By its number.
            #[expect(dead_code)]
            pub async fn r#find(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {}",
        );
        let tool = tool.unwrap();
        assert!(tool.contains("pubfnfind_tool()->::ag_ui_lambda::tool::FnTool<Caller,OrderArgs>"), "{tool}");
        assert!(
            tool.contains(r#"tool_fn::<_,_,Caller>("find","Looksanorderup.\n\nByitsnumber.",r#find)"#),
            "{tool}"
        );
    }

    #[test]
    fn a_missing_parameter_leaves_its_type_open() {
        for (parameters, types) in [
            ("", "FnTool<__Caller,::ag_ui_lambda::tool::NoArgs>"),
            ("args: OrderArgs", "FnTool<__Caller,OrderArgs>"),
            ("args: C", "FnTool<__Caller,C>"),
            ("_: ag_ui_lambda::ToolContext<()>", "FnTool<(),::ag_ui_lambda::tool::NoArgs>"),
        ] {
            let tool = written(&format!("/// A tool.\nasync fn find({parameters}) {{}}")).unwrap();
            assert!(tool.contains(types), "{tool}");
        }
    }

    #[test]
    fn type_that_lives_forever_is_owned() {
        for parameter in ["a: &'static str", "a: Args<'static>", "a: Vec<(u8, [&'static str; 2])>"] {
            let tool = written(&format!("/// A tool.\nasync fn find({parameter}) {{}}"));
            assert!(tool.is_ok(), "{parameter}: {tool:?}");
        }
    }

    #[test]
    fn levels_of_lints_and_deprecation_are_those_of_the_function() {
        let tool = written(
            "/// A tool.
            #[allow(dead_code)]
            #[expect(unused, reason = \"no\")]
            #[deprecated]
            #[doc(hidden)]
            #[inline]
            async fn find() {}",
        );
        let tool = tool.unwrap();
        for attribute in
            ["#[allow(dead_code)]", "#[allow(unused,reason=\"no\")]", "#[deprecated]", "#[doc(hidden)]"]
        {
            assert!(tool.contains(attribute), "{attribute}: {tool}");
        }
        assert!(!tool.contains("expect") && !tool.contains("inline"), "{tool}");
    }

    #[test]
    fn a_mistake_is_named() {
        for (function, message) in [
            ("async fn find() {}", "needs a description"),
            ("///\nasync fn find() {}", "needs a description"),
            ("/// A tool.\nfn find() {}", "write `async fn`"),
            ("/// A tool.\nasync fn find<T>(_: T) {}", "no generic parameters"),
            ("/// A tool.\nasync fn find(&self) {}", "without `self`"),
            ("/// A tool.\nasync fn find(a: Args, c: ToolContext<Caller>) {}", "first parameter"),
            ("/// A tool.\nasync fn find(c: ToolContext, a: Args) {}", "first parameter"),
            ("/// A tool.\nasync fn find(c: ToolContext<Caller>, a: Args, b: Args) {}", "two parameters"),
            ("/// A tool.\nasync fn find(c: ToolContext<&str>, a: Args) {}", "owns what it holds"),
            ("/// A tool.\nasync fn find(a: &Args) {}", "by value"),
            ("/// A tool.\nasync fn find(a: impl Into<String>) {}", "by value"),
            ("/// A tool.\nasync fn find(a: Args<'_>) {}", "by value"),
            ("/// A tool.\nasync fn find(a: Vec<&str>) {}", "by value"),
            ("/// A tool.\nasync fn find(c: ToolContext<Caller<'_>>) {}", "owns what it holds"),
            ("/// A tool.\nasync fn find(c: Context<Caller>, a: Args) {}", "by this name"),
        ] {
            let error = written(function).unwrap_err();
            assert!(error.contains(message), "{function}: {error}");
        }
    }

    #[test]
    fn description_is_the_text_that_the_documentation_shows() {
        for (comment, expected) in [
            (
                "/** Looks an order up.\n * By its number.\n *\n *   - a list\n */",
                r#""Looks an order up.\nBy its number.\n\n  - a list""#,
            ),
            ("/**\n * Looks an order up.\n */", r#""Looks an order up.""#),
            ("/**\n    Looks an order up.\n\n      - a list\n*/", r#""Looks an order up.\n\n  - a list""#),
            ("/** Looks up. */", r#""Looks up.""#),
            ("#[doc = \"One of\n* a\n* b\"]", r#""One of\n* a\n* b""#),
            (
                "#[doc = include_str!(\"find.md\")]",
                r#"::core::concat!("",include_str!("find.md"),"\n").trim()"#,
            ),
            (
                "/// Looks up.\n#[doc = include_str!(\"find.md\")]\n/// By number.",
                r#"::core::concat!("Looks up.\n",include_str!("find.md"),"\nBy number.\n").trim()"#,
            ),
        ] {
            let function = syn::parse_str(&format!("{comment}\nasync fn find() {{}}")).unwrap();
            let text = description(&function).unwrap().to_string();
            let expected = expected.parse::<TokenStream>().unwrap().to_string();
            assert_eq!(text, expected, "{comment}");
        }
    }

    #[test]
    fn a_mistake_keeps_the_types_that_are_named() {
        for (parameters, types) in [
            (
                "c: ToolContext<Caller>, a: Args",
                "fn find_tool () -> :: ag_ui_lambda :: tool :: FnTool < Caller , Args >",
            ),
            ("a: Args, c: ToolContext<Caller>", "FnTool < Caller , Args >"),
            ("&self, c: ToolContext<Caller>, a: Args", "FnTool < Caller , Args >"),
            ("c: ToolContext<&str>, a: Args", "FnTool < __Caller , Args >"),
            ("a: &Args", "FnTool < __Caller , :: ag_ui_lambda :: tool :: NoArgs >"),
        ] {
            let function = format!("/// A tool.\nfn find({parameters}) {{}}").parse().unwrap();
            let text = expand(&TokenStream::new(), function).to_string();
            assert!(text.contains(types), "{text}");
            assert_eq!(text.matches("compile_error").count(), 1, "{text}");
        }
    }

    #[test]
    fn a_mistake_keeps_the_function_and_is_the_only_error() {
        let function = "/// A tool.\nasync fn find() {}".parse().unwrap();
        let text = expand(&quote!(name = "x"), function).to_string();
        assert!(text.contains("async fn find ()"), "{text}");
        assert!(text.contains("fn find_tool"), "{text}");
        assert_eq!(text.matches("compile_error").count(), 1, "{text}");
        let text = expand(&TokenStream::new(), "struct Find;".parse().unwrap()).to_string();
        assert!(text.contains("struct Find ;") && text.contains("belongs on an async function"), "{text}");
    }
}
