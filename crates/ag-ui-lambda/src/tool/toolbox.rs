//! The tools of an agent, and the one way to call them: by name, with text that a model wrote.
//!
//! Whatever happens in a call, there is an answer for the model. What only the operator may know goes to the
//! log.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tracing::{Span, error, warn};

use super::schema::{self, Validator, shortened};
use super::{Approval, Interrupts, Lack, Question, Tool, ToolContext, ToolError, ToolOutput as _};
use crate::causes::causes;
use crate::protocol::{self, Content};

/// The tools of an agent, by name.
pub(crate) struct Toolbox<C> {
    entries: BTreeMap<String, Arc<dyn Entry<C>>>,
}

/// A tool that cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolboxError {
    /// Providers refuse the name.
    #[error("tool name {0:?} must be 1 to 64 ASCII letters, digits, `_` and `-`")]
    BadName(String),
    /// Two tools bear it.
    #[error("two tools are named {0:?}")]
    DuplicateName(String),
    /// State is to be predicted from an argument that the tool does not have.
    #[error("tool {tool:?} has no argument {argument:?} to predict state from")]
    BadPrediction {
        /// The tool.
        tool: String,
        /// What it does not have.
        argument: String,
    },
    /// The arguments' type has no schema that calls can be checked against.
    #[error("the arguments of tool {name:?} have no usable schema: {problem}")]
    BadSchema {
        /// The tool.
        name: String,
        /// What the validator says.
        problem: String,
    },
    /// A question is bound to the arguments that the model wrote, so edited ones could not wait for its answer.
    #[error("tool {0:?} can't both let its arguments be edited and ask a question")]
    EditableAsks(String),
    /// Nothing could sign what the tools return.
    #[error("results of tools must be signed, and there is no key for approvals to sign them with")]
    NoKey,
}

/// A tool whose types are hidden.
pub(crate) trait Entry<C>: Send + Sync {
    /// What a model is told of it.
    fn spec(&self) -> &protocol::Tool;
    /// Whether this caller may use it.
    fn admits(&self, caller: &C) -> Result<(), Lack>;
    /// Why this caller may not use it, as a sentence for a developer.
    fn explain_denial(&self, caller: &C) -> Option<String>;
    fn interrupts(&self) -> Interrupts;
    /// Whether a call with these arguments may run. An error is a sentence for the model: the tool is at fault.
    fn approval(&self, caller: &C, arguments: &Value) -> Result<Approval, String>;
    /// Whether a value fits the schema of the arguments; without the feature `validate`, whether serde can read them
    /// from it. An error is a sentence for the model.
    fn check(&self, arguments: &Value) -> Result<(), String>;
    /// Runs the tool on arguments that fit its schema.
    fn call(&self, context: ToolContext<C>, arguments: Value) -> BoxFuture<'_, Ending>;
}

/// How a call of a tool ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    /// With what the model and the client read.
    Answer(Content),
    /// With a question for the user.
    Question(Question),
}

struct Checked<T> {
    tool: T,
    spec: protocol::Tool,
    validator: Validator,
}

impl<C: Send + Sync + 'static> Toolbox<C> {
    pub(crate) fn new() -> Self {
        Self { entries: BTreeMap::new() }
    }

    pub(crate) fn add<T: Tool<C>>(&mut self, tool: T) -> Result<(), ToolboxError> {
        let name = tool.name().to_owned();
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
            return Err(ToolboxError::BadName(name));
        }
        if self.entries.contains_key(&name) {
            return Err(ToolboxError::DuplicateName(name));
        }
        let parameters = schema::of::<T::Args>();
        if parameters["type"] != "object" {
            let problem = "arguments must be a struct: providers know no others".to_owned();
            return Err(ToolboxError::BadSchema { name, problem });
        }
        let Interrupts { editable, question, .. } = tool.interrupts();
        if editable && question {
            return Err(ToolboxError::EditableAsks(name));
        }
        let validator = Validator::new(&parameters)
            .map_err(|problem| ToolboxError::BadSchema { name: name.clone(), problem })?;
        let spec = protocol::Tool {
            name: name.clone(),
            description: tool.description().to_owned(),
            parameters: Some(parameters),
            metadata: None,
        };
        self.entries.insert(name, Arc::new(Checked { tool, spec, validator }));
        Ok(())
    }

    /// Whether any tool has the name, offered or not, compared without ASCII case.
    ///
    /// No client may have a tool of such a name, so a call of it, however it is written, is none of a client's tools.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name) || self.entries.keys().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether the tool of that name takes the argument; `None` if there is no such tool.
    pub(crate) fn takes(&self, name: &str, argument: &str) -> Option<bool> {
        let parameters = self.entries.get(name)?.spec().parameters.as_ref();
        Some(parameters.is_some_and(|schema| !schema["properties"][argument].is_null()))
    }

    /// The tool of that name, whoever may use it.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Entry<C>>> {
        self.entries.get(name)
    }

    /// Whether a call of that name, compared without ASCII case, may wait for a person.
    pub(crate) fn may_wait(&self, name: &str) -> bool {
        match self.entries.get(name) {
            Some(entry) => entry.interrupts().any(),
            None => self.waiting_names().any(|own| own.eq_ignore_ascii_case(name)),
        }
    }

    /// The names of the tools whose calls may wait for a person.
    pub(crate) fn waiting_names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, entry)| entry.interrupts().any()).map(|(name, _)| name.as_str())
    }

    /// All tools, in order of name, whoever may use them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<dyn Entry<C>>> {
        self.entries.values()
    }
}

impl<C, T> Entry<C> for Checked<T>
where
    C: Send + Sync + 'static,
    T: Tool<C>,
{
    fn spec(&self) -> &protocol::Tool {
        &self.spec
    }

    fn admits(&self, caller: &C) -> Result<(), Lack> {
        let policy = AssertUnwindSafe(|| self.tool.admits(caller));
        std::panic::catch_unwind(policy).unwrap_or_else(|_panic| {
            error!(tool = self.spec.name, "tool's policy panicked");
            Err(Lack::Other)
        })
    }

    fn explain_denial(&self, caller: &C) -> Option<String> {
        let explain = AssertUnwindSafe(|| self.tool.explain_denial(caller));
        std::panic::catch_unwind(explain)
            .unwrap_or_else(|_panic| Some("A rule of the tool panicked, which counts as a no.".into()))
    }

    fn interrupts(&self) -> Interrupts {
        self.tool.interrupts()
    }

    fn approval(&self, caller: &C, arguments: &Value) -> Result<Approval, String> {
        // It is also asked before a run's tools run, where nothing else would catch it.
        let policy = AssertUnwindSafe(|| {
            let args = typed(arguments.clone())?;
            Ok::<_, String>(self.tool.approval(caller, &args))
        });
        let approval = std::panic::catch_unwind(policy).unwrap_or_else(|_panic| {
            error!(tool = self.spec.name, "tool's policy panicked");
            Ok(Approval::Refused(FAILED.into()))
        })?;
        if approval == Approval::Needed && !self.tool.interrupts().approval {
            error!(tool = self.spec.name, "tool needs an approval and does not say so in its interrupts");
            return Err(FAILED.into());
        }
        Ok(approval)
    }

    fn check(&self, arguments: &Value) -> Result<(), String> {
        let misfit = |faults| format!("The arguments do not fit the schema: {faults}.");
        self.validator.check(arguments).map_err(misfit)?;
        #[cfg(not(feature = "validate"))]
        self.check_readable(arguments)?;
        Ok(())
    }

    fn call(&self, context: ToolContext<C>, arguments: Value) -> BoxFuture<'_, Ending> {
        async move {
            let args = match typed(arguments) {
                Ok(args) => args,
                Err(sentence) => return Ending::Answer(refusal(&sentence).into()),
            };
            let deadline = context.deadline();
            let call = async { self.tool.call(context, args).await?.into_content() };
            let call = AssertUnwindSafe(call).catch_unwind();
            let refused = match tokio::time::timeout_at(deadline, call).await {
                Ok(Ok(Ok(content))) => return Ending::Answer(content),
                Ok(Ok(Err(ToolError::Refused(sentence)))) => {
                    trace("refused");
                    refusal(&sentence)
                }
                Ok(Ok(Err(ToolError::Asked(question)))) if self.tool.interrupts().question => {
                    return Ending::Question(question);
                }
                Ok(Ok(Err(ToolError::Asked(_)))) => {
                    error!(
                        tool = self.spec.name,
                        "tool asks a question and does not say so in its interrupts"
                    );
                    refusal(FAILED)
                }
                Ok(Ok(Err(ToolError::Failed(cause)))) => {
                    trace("failed");
                    error!(tool = self.spec.name, cause = causes(cause.as_ref()), "tool failed");
                    refusal(FAILED)
                }
                // The panic's own words are on stderr by now, through the panic hook.
                Ok(Err(_panic)) => {
                    trace("panic");
                    error!(tool = self.spec.name, "tool panicked");
                    refusal(FAILED)
                }
                Err(_elapsed) => {
                    trace("timeout");
                    warn!(tool = self.spec.name, "tool timed out");
                    refusal("The tool did not finish in time.")
                }
            };
            Ending::Answer(refused.into())
        }
        .boxed()
    }
}

#[cfg(not(feature = "validate"))]
impl<T> Checked<T> {
    /// Whether the arguments are what the tool can be called with. With no schema to check them against, serde alone
    /// decides that, and it has to before a person is asked about them.
    fn check_readable<C>(&self, arguments: &Value) -> Result<(), String>
    where
        T: Tool<C>,
    {
        let read = AssertUnwindSafe(|| typed::<T::Args>(arguments.clone()).map(drop));
        std::panic::catch_unwind(read).unwrap_or_else(|_panic| {
            error!(tool = self.spec.name, "reading a tool's arguments panicked");
            Err(FAILED.into())
        })
    }
}

/// Says in the call's span what kind of failure it was.
fn trace(kind: &str) {
    Span::current().record("otel.status_code", "ERROR").record("error.type", kind);
}

const FAILED: &str = "The tool failed.";

/// What the model and the client read in place of a result. User interfaces parse results, so it is JSON.
pub(crate) fn refusal(sentence: &str) -> String {
    json!({ "error": sentence }).to_string()
}

/// Arguments that fit their schema, as the tool takes them. An error is a sentence for the model.
fn typed<A: serde::de::DeserializeOwned>(arguments: Value) -> Result<A, String> {
    serde_json::from_value(arguments)
        .map_err(|fault| format!("The arguments do not fit: {}.", shortened(&fault.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::tool_fn;

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Order {
        #[schemars(range(max = 10))]
        #[expect(dead_code, reason = "the type is what counts")]
        count: u32,
    }

    async fn order(_: ToolContext<()>, _: Order) -> Result<String, ToolError> {
        Ok(String::new())
    }

    fn check(arguments: &Value) -> Result<(), String> {
        let mut tools = Toolbox::<()>::new();
        tools.add(tool_fn("order", "Orders.", order)).unwrap();
        tools.get("order").unwrap().check(arguments)
    }

    #[test]
    fn arguments_are_checked_before_a_call_with_or_without_a_schema() {
        assert_eq!(check(&json!({ "count": 7 })), Ok(()));
        for (why, arguments) in [
            ("no member", json!({})),
            ("another type", json!({ "count": "seven" })),
            ("out of the type's range", json!({ "count": -1 })),
        ] {
            let sentence = check(&arguments).unwrap_err();
            assert!(sentence.starts_with("The arguments do not fit"), "{why}: {sentence}");
        }
        let is_out_of_the_schemas_range = check(&json!({ "count": 11 })).is_err();
        assert_eq!(is_out_of_the_schemas_range, cfg!(feature = "validate"));
    }
}
