//! A tool whose arguments have a schema that is known only at run time.

use serde_json::Value;

use super::{FnTool, ToolContext, ToolError, ToolOutput};

/// A tool whose name, description and JSON Schema are known only at run time: from an MCP server, an `OpenAPI` document
/// or a database. [`DynTool::new`](FnTool::new) creates it, and it takes the same rules as any [`FnTool`].
pub type DynTool<C> = FnTool<C, Value>;

impl<C: Send + Sync + 'static> FnTool<C, Value> {
    /// Creates a tool from a JSON Schema of its arguments and an async function `(ToolContext<C>, Value) ->
    /// Result<Output, ToolError>`.
    ///
    /// `name` and `description` are what the model reads; see [`Tool::name`](super::Tool::name) for the allowed names.
    /// `parameters` has to be a schema of an object, with `"type": "object"`. References to other documents are not
    /// resolved. [`AgentBuilder::build`](crate::agent::AgentBuilder::build) returns an error that names the tool if the
    /// name or the schema cannot be used.
    ///
    /// The function gets only arguments that match the schema, and so do the rules. A number without a fraction is an
    /// integer, also if the model has written `500.0`. Without the feature `validate` the arguments are certain to be a
    /// JSON object, and nothing more is checked.
    ///
    /// ```
    /// use ag_ui_lambda::tool::{DynTool, ToolContext, ToolError};
    /// use serde_json::{Value, json};
    ///
    /// struct Caller { limit: f64 }
    ///
    /// /// What an MCP server lists, for example.
    /// struct Listed { name: String, description: String, input_schema: Value }
    ///
    /// fn tool_of(listed: Listed) -> DynTool<Caller> {
    ///     let name = listed.name.clone();
    ///     DynTool::new(listed.name, listed.description, listed.input_schema, move |_: ToolContext<Caller>, args| {
    ///         let request = json!({ "name": name, "arguments": args });
    ///         async move { send(request).await }
    ///     })
    ///     .allowed_if(|caller, args| args["amount"].as_f64().is_none_or(|amount| amount <= caller.limit))
    ///     .needs_approval()
    /// }
    ///
    /// async fn send(request: Value) -> Result<Value, ToolError> {
    ///     Ok(request)
    /// }
    /// ```
    pub fn new<F, O, Fut>(
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: Value,
        function: F,
    ) -> Self
    where
        F: Fn(ToolContext<C>, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, ToolError>> + Send + 'static,
        O: ToolOutput,
    {
        Self::from_parts(name.into(), description.into(), parameters, function)
    }
}
