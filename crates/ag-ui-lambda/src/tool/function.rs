//! A plain async function as a tool.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::output::RawOutput;
use super::rules::Rules;
use super::schema::schema_for;
use super::signature::{ToolFunction, ToolFuture, ToolParameters, ToolResult};
use super::{
    Decision, Grants, Interrupts, IntoDecision, MissingGrant, Tool, ToolContext, ToolError, ToolOutput,
};

/// Creates a tool from an async function that returns `Result<_, ToolError>`.
///
/// The function takes its [`ToolContext`] and its arguments, or one of the two, or nothing. The arguments are a type that
/// derives [`Deserialize`](serde::Deserialize) and [`JsonSchema`](schemars::JsonSchema). The result is a type that derives
/// [`Serialize`](serde::Serialize), or [`Parts`](super::Parts). The future of the function has to be [`Send`].
///
/// `name` and `description` are what the model reads; see [`Tool::name`] for the allowed names. The JSON Schema of the
/// arguments is generated from their type, with its doc comments as descriptions.
///
/// ```
/// use ag_ui_lambda::tool::{ToolContext, ToolError, tool_fn};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct OrderArgs {
///     /// Number of the order, e.g. `A-17`. The model reads this line.
///     order: String,
/// }
///
/// async fn find_order(context: ToolContext<String>, args: OrderArgs) -> Result<String, ToolError> {
///     Ok(format!("Order {} of {}.", args.order, context.caller()))
/// }
///
/// async fn whoami(context: ToolContext<String>) -> Result<String, ToolError> {
///     Ok(context.caller().clone())
/// }
///
/// let find_order = tool_fn("find_order", "Looks an order up.", find_order);
/// let whoami = tool_fn("whoami", "Returns the name of the caller.", whoami);
/// # let _: [&dyn std::any::Any; 2] = [&find_order, &whoami];
/// ```
pub fn tool_fn<F, P, C>(
    name: impl Into<String>,
    description: impl Into<String>,
    function: F,
) -> FnTool<C, P::Args>
where
    F: ToolFunction<P, Return: ToolFuture<Result: ToolResult> + Send + 'static>,
    P: ToolParameters<C>,
{
    let schema = schema_for::<P::Args>();
    FnTool::from_parts(name.into(), description.into(), schema, move |context, args| {
        let call = function.call(P::from_call(context, args));
        async move { call.await.into_result() }
    })
}

/// A function with a name, a description and rules. [`tool_fn`] creates it, and its methods add rules.
///
/// Rules add up: a caller and a call have to meet all of them, and a later rule never revokes an earlier one.
///
/// ```
/// use ag_ui_lambda::{Grants, Tool, ToolContext, ToolError, tool_fn};
///
/// struct Caller {
///     limit: u32,
/// }
///
/// impl Grants for Caller {}
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct RefundArgs {
///     amount: u32,
/// }
///
/// async fn refund(_: ToolContext<Caller>, args: RefundArgs) -> Result<String, ToolError> {
///     Ok(format!("{} EUR are refunded.", args.amount))
/// }
///
/// let tool = tool_fn("refund", "Refunds an amount.", refund)
///     .needs_permission("refunds:write")
///     .allowed_if(|caller: &Caller, args| args.amount <= caller.limit)
///     .needs_approval_if(|_, args| args.amount > 100);
/// assert_eq!(tool.name(), "refund");
/// ```
pub struct FnTool<C, A> {
    name: String,
    description: String,
    /// The JSON Schema of the arguments.
    parameters: Value,
    function: Box<CallFunction<C, A>>,
    rules: Rules<C, A>,
}

/// Runs a call with these arguments.
type CallFunction<C, A> =
    dyn Fn(ToolContext<C>, A) -> BoxFuture<'static, Result<RawOutput, ToolError>> + Send + Sync;

impl<C, A> FnTool<C, A> {
    /// Creates a tool from its name, its description, the JSON Schema of its arguments and its function. [`tool_fn`]
    /// and [`DynTool::new`](super::DynTool) call it.
    pub(super) fn from_parts<F, O, Fut>(
        name: String,
        description: String,
        parameters: Value,
        function: F,
    ) -> Self
    where
        F: Fn(ToolContext<C>, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, ToolError>> + Send + 'static,
        O: ToolOutput,
    {
        let function = move |context, args| {
            let call = function(context, args);
            async move { call.await?.into_content().map(RawOutput) }.boxed()
        };
        Self { name, description, parameters, function: Box::new(function), rules: Rules::default() }
    }

    /// Offers the tool only to callers who have the permission. For all others the tool does not exist.
    #[must_use]
    pub fn needs_permission(self, permission: impl Into<String>) -> Self
    where
        C: Grants,
    {
        let permission = permission.into();
        let explanation = format!("The caller lacks the permission {permission}.");
        self.with_caller_rule(MissingGrant::Permission, explanation, move |caller: &C| {
            caller.has_permission(&permission)
        })
    }

    /// Offers the tool only to callers who are in the group. For all others the tool does not exist.
    #[must_use]
    pub fn needs_group(self, group: impl Into<String>) -> Self
    where
        C: Grants,
    {
        let group = group.into();
        let explanation = format!("Only callers in the group {group}.");
        self.with_caller_rule(MissingGrant::Group, explanation, move |caller: &C| caller.is_in_group(&group))
    }

    /// Offers the tool only to callers whose token has the OAuth scope. For all others the tool does not exist.
    #[must_use]
    pub fn needs_scope(self, scope: impl Into<String>) -> Self
    where
        C: Grants,
    {
        let scope = scope.into();
        let explanation = format!("The caller's token lacks the scope {scope}.");
        self.with_caller_rule(MissingGrant::Scope, explanation, move |caller: &C| caller.has_scope(&scope))
    }

    /// Offers the tool only to callers for whom `is_available` returns `true`. For all others the tool does not exist.
    #[must_use]
    pub fn available_if(self, is_available: impl Fn(&C) -> bool + Send + Sync + 'static) -> Self {
        let explanation = "A rule of the tool (`available_if`) refuses this caller.".into();
        self.with_caller_rule(MissingGrant::Other, explanation, is_available)
    }

    /// Offers the tool to every caller, anonymous ones included, unless another rule of the tool refuses the caller.
    ///
    /// A tool without any rule about its callers is offered to every caller as well, except by an agent that
    /// [denies by default](crate::agent::AgentBuilder::deny_by_default).
    #[must_use]
    pub fn for_everybody(self) -> Self {
        self.available_if(|_| true)
    }

    /// Runs only the calls that `rule` allows, out of those of a caller to whom the tool is offered.
    ///
    /// The rule returns `bool`, or a `Result` whose error is the sentence that the model and the client read. It is
    /// evaluated once the arguments match their schema, and again when a call that waited for a person resumes.
    ///
    /// ```
    /// # use ag_ui_lambda::tool::{ToolContext, ToolError, tool_fn};
    /// # struct Caller { limit: f64 }
    /// # #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// # struct RefundArgs { amount: f64 }
    /// # async fn refund(_: ToolContext<Caller>, _: RefundArgs) -> Result<(), ToolError> { Ok(()) }
    /// let tool = tool_fn("refund", "Refunds an order.", refund).allowed_if(|caller, args| {
    ///     if args.amount <= caller.limit { Ok(()) } else { Err("This is beyond your limit.") }
    /// });
    /// # let _: &dyn std::any::Any = &tool;
    /// ```
    #[must_use]
    pub fn allowed_if<R: IntoDecision>(mut self, rule: impl Fn(&C, &A) -> R + Send + Sync + 'static) -> Self {
        self.rules.add_for_calls(move |caller, args| rule(caller, args).into_decision());
        self
    }

    /// Makes every call wait until a person approves it.
    #[must_use]
    pub fn needs_approval(self) -> Self {
        self.needs_approval_if(|_, _| true)
    }

    /// Makes the calls for which `is_needed` returns `true` wait until a person approves them.
    #[must_use]
    pub fn needs_approval_if(mut self, is_needed: impl Fn(&C, &A) -> bool + Send + Sync + 'static) -> Self {
        self.rules.add_for_approvals(is_needed);
        self
    }

    /// Sets the question that a person reads before approving a call. Without it the question names the tool:
    /// `Allow "refund order" with these arguments?`
    ///
    /// The question is built when the call begins to wait, from the arguments that the model wrote. The model or a user
    /// may have put any text into them, and the client shows the question beside them.
    ///
    /// At most 2,000 characters are sent, the last one `…` if there are more. Control characters except for line breaks become
    /// spaces, and characters that change the order in which a text is displayed are left out.
    ///
    /// ```
    /// # use ag_ui_lambda::tool::{ToolContext, ToolError, tool_fn};
    /// # struct Caller { currency: String }
    /// # #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// # struct RefundArgs { amount: f64 }
    /// # async fn refund(_: ToolContext<Caller>, _: RefundArgs) -> Result<(), ToolError> { Ok(()) }
    /// let tool = tool_fn("refund", "Refunds an order.", refund)
    ///     .needs_approval()
    ///     .approval_message(|caller, args| format!("Refund {} {}?", args.amount, caller.currency));
    /// # let _: &dyn std::any::Any = &tool;
    /// ```
    #[must_use]
    pub fn approval_message(mut self, message: impl Fn(&C, &A) -> String + Send + Sync + 'static) -> Self {
        self.rules.set_approval_message(message);
        self
    }

    /// Lets the person who approves a call edit its arguments. Edited arguments are checked like those of a new call.
    #[must_use]
    pub fn editable(mut self) -> Self {
        self.rules.interrupts = self.rules.interrupts.editable(true);
        self
    }

    /// Lets the tool ask the user a question with [`ToolContext::ask`].
    #[must_use]
    pub fn may_ask(mut self) -> Self {
        self.rules.interrupts = self.rules.interrupts.question(true);
        self
    }

    /// Adds a rule that a caller has to meet to use the tool. For a caller who does not, `missing` goes to the log and
    /// `explanation` to a developer.
    fn with_caller_rule(
        mut self,
        missing: MissingGrant,
        explanation: String,
        is_met: impl Fn(&C) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.rules.add_for_callers(missing, explanation, is_met);
        self
    }
}

impl<C, A> fmt::Debug for FnTool<C, A> {
    /// Shows the name of the tool only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnTool").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<C, A> Tool<C> for FnTool<C, A>
where
    C: Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + Send + 'static,
{
    type Args = A;
    type Output = RawOutput;

    /// Returns the name that the tool was created with.
    fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description that the tool was created with.
    fn description(&self) -> &str {
        &self.description
    }

    /// Returns the schema of the type of the arguments, or the one that [`DynTool::new`](super::DynTool) was given.
    fn parameters(&self) -> Value {
        self.parameters.clone()
    }

    /// Allows a caller who meets all rules for callers. The error is the kind of grant that the first unmet rule asks
    /// for.
    fn authorize_caller(&self, caller: &C) -> Result<(), MissingGrant> {
        self.rules.authorize_caller(caller)
    }

    /// Whether the tool was given a rule about its callers: a grant that they need, a condition, or that it is for
    /// everybody.
    fn has_caller_rule(&self) -> bool {
        self.rules.has_caller_rule()
    }

    /// Returns the explanation of the first rule that the caller does not meet.
    fn explain_denial(&self, caller: &C) -> Option<String> {
        self.rules.explain_denial(caller)
    }

    /// Returns what the builder methods of this tool have set.
    fn interrupts(&self) -> Interrupts {
        self.rules.interrupts
    }

    /// Denies the call if a rule of [`allowed_if`](FnTool::allowed_if) denies it; otherwise requires an approval if any
    /// rule of [`needs_approval_if`](FnTool::needs_approval_if) is met.
    fn authorize(&self, caller: &C, args: &A) -> Decision {
        self.rules.authorize(caller, args)
    }

    /// Returns the message of [`approval_message`](FnTool::approval_message), or the default one.
    fn approval_message(&self, caller: &C, args: &A) -> String {
        self.rules.approval_message(&self.name, caller, args)
    }

    /// Calls the function.
    fn call(
        &self,
        context: ToolContext<C>,
        args: A,
    ) -> impl Future<Output = Result<RawOutput, ToolError>> + Send {
        (self.function)(context, args)
    }
}
