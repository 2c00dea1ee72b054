//! A plain function as a tool.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Approval, Grants, Interrupts, Lack, Ruling, Tool, ToolContext, ToolError, ToolOutput};

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
        demands: Vec::new(),
        policies: Vec::new(),
        interrupts: Interrupts::default(),
        approvals: Vec::new(),
    }
}

/// A function with the name and description that the model sees. Made by [`tool_fn`].
pub struct FnTool<F, C, A> {
    name: &'static str,
    description: &'static str,
    function: F,
    /// What a caller has to meet, all of it.
    demands: Vec<Demand<C>>,
    /// What a call has to pass, all of it.
    policies: Vec<Box<OfCall<C, A, Option<String>>>>,
    interrupts: Interrupts,
    /// What makes a call wait, any of it.
    approvals: Vec<Box<OfCall<C, A, bool>>>,
}

/// What a tool demands of its callers.
struct Demand<C> {
    is_met: Box<OfCaller<C>>,
    /// What a caller lacks who does not meet it.
    lack: Lack,
    /// The same as a sentence for a developer.
    sentence: String,
}

type OfCaller<C> = dyn Fn(&C) -> bool + Send + Sync;
type OfCall<C, A, R> = dyn Fn(&C, &A) -> R + Send + Sync;

/// What a tool demands adds up: with two demands a caller has to meet both, and nothing said later takes one back.
impl<F, C, A> FnTool<F, C, A> {
    /// Offers the tool only to callers who hold the permission (or OAuth scope); to all others it does not exist.
    #[must_use]
    pub fn needs_permission(self, permission: impl Into<String>) -> Self
    where
        C: Grants,
    {
        let permission = permission.into();
        let sentence = format!("The caller lacks the permission {permission}.");
        self.demands(Lack::Permission, sentence, move |caller: &C| caller.has_permission(&permission))
    }

    /// Offers the tool only to callers who are in the group; to all others it does not exist.
    #[must_use]
    pub fn needs_group(self, group: impl Into<String>) -> Self
    where
        C: Grants,
    {
        let group = group.into();
        let sentence = format!("Only callers in the group {group}.");
        self.demands(Lack::Group, sentence, move |caller: &C| caller.is_in_group(&group))
    }

    /// Offers the tool only to callers for whom `allowed` is true; to all others it does not exist.
    #[must_use]
    pub fn offered_to(self, allowed: impl Fn(&C) -> bool + Send + Sync + 'static) -> Self {
        self.demands(Lack::Other, "A rule of the tool (`offered_to`) refuses this caller.".into(), allowed)
    }

    /// Runs only the calls that the policy allows, of a caller to whom the tool is offered.
    ///
    /// The policy answers `bool`, or a `Result` whose error is the sentence that the model and the client read. It is
    /// asked once the arguments fit their schema, and again when a call goes on that waited for a person.
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
    pub fn allowed_if<R: Ruling>(mut self, policy: impl Fn(&C, &A) -> R + Send + Sync + 'static) -> Self {
        self.policies.push(Box::new(move |caller, args| policy(caller, args).objection()));
        self
    }

    /// Lets each call wait until a person approves it.
    #[must_use]
    pub fn needs_approval(self) -> Self {
        self.needs_approval_if(|_, _| true)
    }

    /// Lets the calls for which `needed` is true wait until a person approves them.
    #[must_use]
    pub fn needs_approval_if(mut self, needed: impl Fn(&C, &A) -> bool + Send + Sync + 'static) -> Self {
        self.interrupts.approval = true;
        self.approvals.push(Box::new(needed));
        self
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

    fn demands(
        mut self,
        lack: Lack,
        sentence: String,
        is_met: impl Fn(&C) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.demands.push(Demand { is_met: Box::new(is_met), lack, sentence });
        self
    }

    /// The first demand that a caller does not meet.
    fn unmet(&self, caller: &C) -> Option<&Demand<C>> {
        self.demands.iter().find(|demand| !(demand.is_met)(caller))
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

    fn admits(&self, caller: &C) -> Result<(), Lack> {
        self.unmet(caller).map_or(Ok(()), |demand| Err(demand.lack))
    }

    fn explain_denial(&self, caller: &C) -> Option<String> {
        self.unmet(caller).map(|demand| demand.sentence.clone())
    }

    fn interrupts(&self) -> Interrupts {
        self.interrupts
    }

    fn approval(&self, caller: &C, args: &A) -> Approval {
        if let Some(sentence) = self.policies.iter().find_map(|policy| policy(caller, args)) {
            return Approval::Refused(sentence);
        }
        let is_needed = self.approvals.iter().any(|is_needed| is_needed(caller, args));
        if is_needed { Approval::Needed } else { Approval::NotNeeded }
    }

    fn call(&self, context: ToolContext<C>, args: A) -> impl Future<Output = Result<O, ToolError>> + Send {
        (self.function)(context, args)
    }
}
