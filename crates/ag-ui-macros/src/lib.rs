//! The attribute `#[tool]` of `ag-ui-lambda`, which exports it as `ag_ui_lambda::tool`.
//!
//! `tool` reads the function and writes the tool. What a tool has to look like is decided by the traits of
//! `ag_ui_lambda::tool_fn`. The attribute itself rejects only what would lead to a worse message there.

mod tool;

use proc_macro::TokenStream;

/// Makes a tool of an async function, for [`AgentBuilder::tool`](https://docs.rs/ag-ui-lambda).
///
/// For a function `find_order` it writes a second function `find_order_tool()`, which returns the tool. The name of the tool
/// is `find_order`, and its description, which the model reads, is the doc comment of the function; a long one can be in a file,
/// with `#[doc = include_str!("find_order.md")]`. Rules are added to the tool, as to one of `tool_fn`. The function itself does
/// not change: a unit test calls it as before.
///
/// The function stands in a module or in another function, and not in an `impl`. If it is deprecated, so is the tool, and the
/// levels of lints beside the attribute, such as `#[allow(..)]`, are for both.
///
/// ```
/// use ag_ui_lambda::agent::AgentBuilder;
/// use ag_ui_lambda::{Grants, ToolContext, ToolError, tool};
///
/// struct Caller {
///     org: String,
/// }
///
/// impl Grants for Caller {}
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct OrderArgs {
///     /// Number of the order, e.g. `A-17`.
///     order: String,
/// }
///
/// /// Looks an order up.
/// #[tool]
/// async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<String, ToolError> {
///     Ok(format!("Order {} of {}.", args.order, context.caller().org))
/// }
///
/// fn add_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
///     agent.tool(find_order_tool().needs_permission("orders:read"))
/// }
/// ```
///
/// A tool that owns a client or a pool implements the trait `Tool` instead, or is a closure that `tool_fn` takes. The
/// attribute finds the crate by the name `ag_ui_lambda`, and the context by the type name `ToolContext`: neither can be
/// renamed.
#[proc_macro_attribute]
pub fn tool(arguments: TokenStream, item: TokenStream) -> TokenStream {
    tool::expand(&arguments.into(), item.into()).into()
}
