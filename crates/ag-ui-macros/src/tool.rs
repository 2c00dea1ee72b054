//! Writes the tool of a function.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, FnArg, GenericArgument, ItemFn, Lit, Meta, PathArguments, Result, Type};

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
        quote! {
            #error
            #[allow(dead_code, missing_docs)]
            #visibility fn #name<C>() -> ::ag_ui_lambda::tool::FnTool<C, ::ag_ui_lambda::tool::NoArgs> {
                ::core::unreachable!()
            }
        }
    });
    quote!(#function #tool)
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
    let generics =
        caller.is_none().then(|| quote!(<__Caller: ::core::marker::Send + ::core::marker::Sync + 'static>));
    let caller = caller.map_or_else(|| quote!(__Caller), |caller| quote!(#caller));
    let args = args.map_or_else(|| quote!(::ag_ui_lambda::tool::NoArgs), |args| quote!(#args));
    let ident = &signature.ident;
    let documentation = format!("Creates the tool `{}` from the function of that name.", ident.unraw());
    let text = ident.unraw().to_string();
    // With the span of the function, so that a mistake in its types is shown there.
    let body = quote_spanned!(ident.span()=> ::ag_ui_lambda::tool::tool_fn(#text, #description, #ident));
    Ok(quote! {
        #[doc = #documentation]
        #[must_use]
        #visibility fn #name #generics() -> ::ag_ui_lambda::tool::FnTool<#caller, #args> {
            #body
        }
    })
}

/// Returns the doc comment of a function without the space at the begin of each line; `None` if it has none.
fn description(function: &ItemFn) -> Option<String> {
    let lines = function.attrs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
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
    match types.collect::<Result<Vec<&Type>>>()?[..] {
        [] => Ok((None, None)),
        [only] => Ok(caller_type(only).map_or((None, Some(only)), |caller| (Some(caller), None))),
        [context, args] => match caller_type(context) {
            Some(caller) => Ok((Some(caller), Some(args))),
            None => Err(Error::new(
                context.span(),
                "the first parameter of a tool is its context, `ToolContext<Caller>`, and the second its arguments",
            )),
        },
        [_, _, third, ..] => Err(Error::new(
            third.span(),
            "a tool has at most two parameters, the context and the arguments: what else it needs, such as a client, is \
             captured by a closure that `tool_fn` takes, or owned by a type that implements the trait `Tool`",
        )),
    }
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
        assert!(tool.contains(r#"tool_fn("find","Looksanorderup.\n\nByitsnumber.",r#find)"#), "{tool}");
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
        ] {
            let error = written(function).unwrap_err();
            assert!(error.contains(message), "{function}: {error}");
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
