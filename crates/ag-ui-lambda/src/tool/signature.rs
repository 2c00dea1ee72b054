//! Which functions can be tools: their parameters, and what they return.
//!
//! The traits are the bounds of [`tool_fn`](super::tool_fn). They are split so that a mistake leads to one compiler error,
//! which says what to change. Code outside this crate can neither name nor implement them.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{NoArgs, ToolContext, ToolError, ToolOutput};

/// A function with up to two parameters, which are the tuple `P`.
#[diagnostic::on_unimplemented(
    message = "this cannot be a tool",
    label = "this is not a function with the parameters of a tool",
    note = "a tool has at most two parameters, the context and the arguments: `async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError>`",
    note = "what else a tool needs, such as a client, is captured by a closure, or owned by a type that implements `Tool`"
)]
pub trait ToolFunction<P>: Send + Sync + 'static {
    /// What the function returns: the future of a call.
    type Return;

    /// Calls the function.
    fn call(&self, parameters: P) -> Self::Return;
}

impl<F, R> ToolFunction<()> for F
where
    F: Fn() -> R + Send + Sync + 'static,
{
    type Return = R;

    /// Calls the function without parameters.
    fn call(&self, (): ()) -> R {
        self()
    }
}

impl<F, R, X> ToolFunction<(X,)> for F
where
    F: Fn(X) -> R + Send + Sync + 'static,
{
    type Return = R;

    /// Calls the function with its parameter.
    fn call(&self, (only,): (X,)) -> R {
        self(only)
    }
}

impl<F, R, X, Y> ToolFunction<(X, Y)> for F
where
    F: Fn(X, Y) -> R + Send + Sync + 'static,
{
    type Return = R;

    /// Calls the function with both parameters.
    fn call(&self, (first, second): (X, Y)) -> R {
        self(first, second)
    }
}

/// The parameters that a tool for callers of the type `C` takes, as a tuple: the context, the arguments, both, or nothing.
pub trait ToolParameters<C> {
    /// The type of the arguments; [`NoArgs`] if the function takes none.
    type Args: ToolArgs;

    /// Selects what the function takes.
    fn from_call(context: ToolContext<C>, args: Self::Args) -> Self;
}

impl<C> ToolParameters<C> for () {
    type Args = NoArgs;

    /// Selects nothing.
    fn from_call(_: ToolContext<C>, _: NoArgs) -> Self {}
}

impl<C, X: OnlyParameter<C>> ToolParameters<C> for (X,) {
    type Args = X::Args;

    /// Selects the context or the arguments.
    fn from_call(context: ToolContext<C>, args: X::Args) -> Self {
        (X::from_call(context, args),)
    }
}

impl<C, X: FirstParameter<C, A>, A> ToolParameters<C> for (X, A) {
    type Args = X::Args;

    /// Selects both.
    fn from_call(context: ToolContext<C>, args: X::Args) -> Self {
        X::from_call(context, args)
    }
}

/// A type that can be the only parameter of a tool: the context or the arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the parameter of a tool",
    label = "`{Self}` lacks `serde::Deserialize`, `schemars::JsonSchema` or both, and it is not written as `ToolContext`",
    note = "the type of the arguments needs both: `#[derive(serde::Deserialize, schemars::JsonSchema)]`",
    note = "if this is the context of a function with `#[tool]`: write `ToolContext<Caller>`, because the attribute knows the context by this name alone"
)]
pub trait OnlyParameter<C> {
    /// The type of the arguments of the tool.
    type Args: ToolArgs;

    /// Selects the parameter.
    fn from_call(context: ToolContext<C>, args: Self::Args) -> Self;
}

impl<C> OnlyParameter<C> for ToolContext<C> {
    type Args = NoArgs;

    /// Selects the context.
    fn from_call(context: Self, _: NoArgs) -> Self {
        context
    }
}

#[diagnostic::do_not_recommend]
impl<C, A: ToolArgs> OnlyParameter<C> for A {
    type Args = A;

    /// Selects the arguments.
    fn from_call(_: ToolContext<C>, args: A) -> Self {
        args
    }
}

/// A type that can be the first of two parameters of a tool, which only [`ToolContext`] is. `A` is the type of the second.
#[diagnostic::on_unimplemented(
    message = "the first parameter of a tool is its context, not `{Self}`",
    label = "the first parameter of this function has to be `ToolContext<Caller>`, and the second its arguments",
    note = "the order is fixed, and the names do not matter: `async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError>`"
)]
pub trait FirstParameter<C, A>: Sized {
    /// The type of the arguments of the tool, which is `A`.
    type Args: ToolArgs;

    /// Returns both parameters.
    fn from_call(context: ToolContext<C>, args: Self::Args) -> (Self, A);
}

impl<C, A: ToolArgs> FirstParameter<C, A> for ToolContext<C> {
    type Args = A;

    /// Returns the context and the arguments.
    fn from_call(context: Self, args: A) -> (Self, A) {
        (context, args)
    }
}

/// A type that can be the arguments of a tool.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a tool",
    label = "`{Self}` lacks `serde::Deserialize`, `schemars::JsonSchema` or both",
    note = "the type of the arguments needs both: `#[derive(serde::Deserialize, schemars::JsonSchema)]`"
)]
pub trait ToolArgs: DeserializeOwned + JsonSchema + Send + 'static {}

// Without this attribute an error would name one of the two traits, and the implementations of that trait.
#[diagnostic::do_not_recommend]
impl<A: DeserializeOwned + JsonSchema + Send + 'static> ToolArgs for A {}

/// The future of a call.
#[diagnostic::on_unimplemented(
    message = "a tool is an async function, and this one is not",
    label = "this function returns `{Self}`, which is not a future",
    note = "write `async fn` instead of `fn`, or let a closure return an `async move {{ .. }}` block"
)]
pub trait ToolFuture: Future<Output = Self::Result> {
    /// What the future returns.
    type Result;
}

#[diagnostic::do_not_recommend]
impl<F: Future> ToolFuture for F {
    type Result = F::Output;
}

/// What the future of a tool returns: `Result<Output, ToolError>`, and no other type.
#[diagnostic::on_unimplemented(
    message = "a tool returns `Result<_, ToolError>`, and this one returns `{Self}`",
    label = "this function has to return `Result<_, ToolError>`",
    note = "write `-> Result<Order, ToolError>`, and `Ok(order)` for the value",
    note = "`?` turns every error type, `anyhow::Error` included, into a `ToolError`; a `String` is a sentence for the model: `.map_err(ToolError::refused)?`"
)]
pub trait ToolResult {
    /// The type of the output.
    type Output: ToolOutput;

    /// Returns the result as it is.
    ///
    /// # Errors
    /// The error of the tool.
    fn into_result(self) -> Result<Self::Output, ToolError>;
}

impl<O: ToolOutput> ToolResult for Result<O, ToolError> {
    type Output = O;

    /// Returns the result as it is.
    fn into_result(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::super::{FnTool, Tool, tool_fn};
    use super::*;
    use crate::protocol::Content;

    #[derive(Deserialize, JsonSchema)]
    struct Greeting {
        text: String,
    }

    /// Calls a tool for the caller Ada and returns its result.
    async fn result<A>(tool: &FnTool<&'static str, A>, args: A) -> Content
    where
        FnTool<&'static str, A>: Tool<&'static str, Args = A>,
    {
        tool.call(ToolContext::for_test("Ada"), args).await.unwrap().into_content().unwrap()
    }

    #[tokio::test]
    async fn a_function_takes_the_context_the_arguments_both_or_nothing() {
        async fn nothing() -> Result<&'static str, ToolError> {
            Ok("Hello.")
        }
        async fn context(context: ToolContext<&str>) -> Result<String, ToolError> {
            Ok(format!("Hello, {}.", context.caller()))
        }
        async fn arguments(greeting: Greeting) -> Result<String, ToolError> {
            Ok(format!("{}.", greeting.text))
        }
        async fn both(context: ToolContext<&str>, greeting: Greeting) -> Result<String, ToolError> {
            Ok(format!("{}, {}.", greeting.text, context.caller()))
        }
        let greeting = || Greeting { text: "Welcome".into() };
        assert_eq!(result(&tool_fn("t", "-", nothing), NoArgs {}).await, "Hello.".to_owned().into());
        assert_eq!(result(&tool_fn("t", "-", context), NoArgs {}).await, "Hello, Ada.".to_owned().into());
        assert_eq!(result(&tool_fn("t", "-", arguments), greeting()).await, "Welcome.".to_owned().into());
        assert_eq!(result(&tool_fn("t", "-", both), greeting()).await, "Welcome, Ada.".to_owned().into());
    }

    #[test]
    fn the_schema_is_that_of_the_arguments() {
        let with_arguments: FnTool<(), _> = tool_fn("t", "-", async |_: Greeting| Ok(()));
        let without: FnTool<(), _> = tool_fn("t", "-", async || Ok(()));
        assert_eq!(with_arguments.parameters()["required"], json!(["text"]));
        assert_eq!(without.parameters()["additionalProperties"], json!(false));
    }
}
