//! A plain async function as a tool.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{
    Decision, Grants, Interrupts, IntoDecision, MissingGrant, Tool, ToolContext, ToolError, ToolOutput,
};

/// Creates a tool from an async function `(ToolContext<C>, Args) -> Result<Output, ToolError>`.
///
/// `name` and `description` are what the model reads; see [`Tool::name`] for the allowed names. The JSON Schema of the
/// arguments is generated from their type, with its doc comments as descriptions.
///
/// ```
/// use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
///
/// async fn whoami(context: ToolContext<String>, _: NoArgs) -> Result<String, ToolError> {
///     Ok(context.caller().clone())
/// }
///
/// let tool = tool_fn("whoami", "Returns the name of the caller.", whoami);
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
        caller_rules: Vec::new(),
        call_rules: Vec::new(),
        approval_rules: Vec::new(),
        interrupts: Interrupts::default(),
    }
}

/// A function with a name, a description and rules. [`tool_fn`] creates it, and its methods add rules.
///
/// Rules add up: a caller and a call have to meet all of them, and a later rule never revokes an earlier one.
pub struct FnTool<F, C, A> {
    name: &'static str,
    description: &'static str,
    function: F,
    /// The rules that a caller has to meet.
    caller_rules: Vec<CallerRule<C>>,
    /// The rules that a call has to meet.
    call_rules: Vec<Box<CallRule<C, A, Decision>>>,
    /// The rules that make a call wait for an approval; one of them is enough.
    approval_rules: Vec<Box<CallRule<C, A, bool>>>,
    /// What the calls may wait for.
    interrupts: Interrupts,
}

/// A rule for the callers of a tool.
struct CallerRule<C> {
    is_met: Box<CallerPredicate<C>>,
    /// What a caller lacks who does not meet the rule, for the log.
    missing: MissingGrant,
    /// The same as a sentence for a developer.
    explanation: String,
}

/// Decides about a caller.
type CallerPredicate<C> = dyn Fn(&C) -> bool + Send + Sync;
/// Decides about a call of a caller with these arguments.
type CallRule<C, A, R> = dyn Fn(&C, &A) -> R + Send + Sync;

impl<F, C, A> FnTool<F, C, A> {
    /// Offers the tool only to callers who have the permission or OAuth scope. For all others the tool does not exist.
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

    /// Offers the tool only to callers for whom `is_available` returns `true`. For all others the tool does not exist.
    #[must_use]
    pub fn available_if(self, is_available: impl Fn(&C) -> bool + Send + Sync + 'static) -> Self {
        let explanation = "A rule of the tool (`available_if`) refuses this caller.".into();
        self.with_caller_rule(MissingGrant::Other, explanation, is_available)
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
        self.call_rules.push(Box::new(move |caller, args| rule(caller, args).into_decision()));
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
        self.interrupts = self.interrupts.approval(true);
        self.approval_rules.push(Box::new(is_needed));
        self
    }

    /// Lets the person who approves a call edit its arguments. Edited arguments are checked like those of a new call.
    #[must_use]
    pub fn editable(self) -> Self {
        Self { interrupts: self.interrupts.editable(true), ..self }
    }

    /// Lets the tool ask the user a question with [`ToolContext::ask`].
    #[must_use]
    pub fn may_ask(self) -> Self {
        Self { interrupts: self.interrupts.question(true), ..self }
    }

    /// Adds a rule that a caller has to meet to use the tool. For a caller who does not, `missing` goes to the log and
    /// `explanation` to a developer.
    fn with_caller_rule(
        mut self,
        missing: MissingGrant,
        explanation: String,
        is_met: impl Fn(&C) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.caller_rules.push(CallerRule { is_met: Box::new(is_met), missing, explanation });
        self
    }

    /// Returns the first rule that this caller does not meet; `None` if the caller may use the tool.
    fn first_unmet(&self, caller: &C) -> Option<&CallerRule<C>> {
        self.caller_rules.iter().find(|rule| !(rule.is_met)(caller))
    }
}

impl<F, C, A> fmt::Debug for FnTool<F, C, A> {
    /// Shows the name of the tool only.
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

    /// Returns the name that [`tool_fn`] was given.
    fn name(&self) -> &str {
        self.name
    }

    /// Returns the description that [`tool_fn`] was given.
    fn description(&self) -> &str {
        self.description
    }

    /// Allows a caller who meets all rules for callers. The error is the kind of grant that the first unmet rule asks
    /// for.
    fn authorize_caller(&self, caller: &C) -> Result<(), MissingGrant> {
        self.first_unmet(caller).map_or(Ok(()), |rule| Err(rule.missing))
    }

    /// Returns the explanation of the first rule that the caller does not meet.
    fn explain_denial(&self, caller: &C) -> Option<String> {
        self.first_unmet(caller).map(|rule| rule.explanation.clone())
    }

    /// Returns what the builder methods of this tool have set.
    fn interrupts(&self) -> Interrupts {
        self.interrupts
    }

    /// Denies the call if a rule of [`allowed_if`](FnTool::allowed_if) denies it; otherwise requires an approval if any
    /// rule of [`needs_approval_if`](FnTool::needs_approval_if) is met.
    fn authorize(&self, caller: &C, args: &A) -> Decision {
        let mut decision = Decision::Allow;
        for rule in &self.call_rules {
            match rule(caller, args) {
                Decision::Allow => {}
                Decision::RequireApproval => decision = Decision::RequireApproval,
                Decision::Deny(sentence) => return Decision::Deny(sentence),
            }
        }
        if self.approval_rules.iter().any(|is_needed| is_needed(caller, args)) {
            decision = Decision::RequireApproval;
        }
        decision
    }

    /// Calls the function.
    fn call(&self, context: ToolContext<C>, args: A) -> impl Future<Output = Result<O, ToolError>> + Send {
        (self.function)(context, args)
    }
}
