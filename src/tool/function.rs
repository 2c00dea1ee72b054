//! A plain function as a tool.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Approval, Interrupts, Tool, ToolContext, ToolError, ToolOutput};

/// Makes a tool of an async function `(ToolContext<C>, Args) -> Result<Output, ToolError>`.
///
/// ```
/// use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
///
/// async fn whoami(context: ToolContext<String>, _: NoArgs) -> Result<String, ToolError> {
///     Ok(context.caller().clone())
/// }
///
/// let tool = tool_fn("whoami", "Name of the caller.", whoami);
/// # let _: &dyn std::any::Any = &tool;
/// ```
pub fn tool_fn<F, C, A, O, Fut>(name: &'static str, description: &'static str, function: F) -> FnTool<F, C, A>
where
    F: Fn(ToolContext<C>, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, ToolError>> + Send,
{
    FnTool {
        name,
        description,
        function,
        offered: None,
        interrupts: Interrupts::default(),
        needs_approval: |_, _| false,
        args: PhantomData,
    }
}

/// A function with the name and description that the model sees. Made by [`tool_fn`].
pub struct FnTool<F, C, A> {
    name: &'static str,
    description: &'static str,
    function: F,
    offered: Option<fn(&C) -> bool>,
    interrupts: Interrupts,
    needs_approval: fn(&C, &A) -> bool,
    args: PhantomData<fn(C, A)>,
}

impl<F, C, A> FnTool<F, C, A> {
    /// Offers the tool only to callers for whom `allowed` is true; to all others it does not exist.
    #[must_use]
    pub fn offered_to(self, allowed: fn(&C) -> bool) -> Self {
        Self { offered: Some(allowed), ..self }
    }

    /// Lets each call wait until a person approves it.
    #[must_use]
    pub fn needs_approval(self) -> Self {
        self.needs_approval_if(|_, _| true)
    }

    /// Lets the calls for which `needed` is true wait until a person approves them.
    #[must_use]
    pub fn needs_approval_if(self, needed: fn(&C, &A) -> bool) -> Self {
        let interrupts = Interrupts { approval: true, ..self.interrupts };
        Self { needs_approval: needed, interrupts, ..self }
    }

    /// Lets who approves a call edit its arguments. The edited ones are checked as those of a new call.
    #[must_use]
    pub fn editable(self) -> Self {
        Self { interrupts: Interrupts { editable: true, ..self.interrupts }, ..self }
    }

    /// Lets the tool put a question, with [`ToolContext::ask`].
    #[must_use]
    pub fn asks(self) -> Self {
        Self { interrupts: Interrupts { question: true, ..self.interrupts }, ..self }
    }
}

impl<F, C, A> fmt::Debug for FnTool<F, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnTool").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<F, C, A, O, Fut> Tool<C> for FnTool<F, C, A>
where
    C: Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + Send + 'static,
    O: ToolOutput + Send,
    F: Fn(ToolContext<C>, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, ToolError>> + Send,
{
    type Args = A;
    type Output = O;

    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> &str {
        self.description
    }

    fn is_offered_to(&self, caller: &C) -> bool {
        self.offered.is_none_or(|allowed| allowed(caller))
    }

    fn interrupts(&self) -> Interrupts {
        self.interrupts
    }

    fn approval(&self, caller: &C, args: &A) -> Approval {
        if (self.needs_approval)(caller, args) { Approval::Needed } else { Approval::NotNeeded }
    }

    fn call(&self, context: ToolContext<C>, args: A) -> impl Future<Output = Result<O, ToolError>> + Send {
        (self.function)(context, args)
    }
}
