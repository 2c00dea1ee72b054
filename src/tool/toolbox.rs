//! The tools of an agent, and the one way to call them: by name, with text that a model wrote.
//!
//! Whatever happens in a call, there is an answer for the model. What only the operator may know goes to the
//! log.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use tracing::{error, warn};

use super::{Tool, ToolContext, ToolError, ToolOutput as _};
use crate::causes::causes;
use crate::protocol::{self, Content};

/// How many faults of the arguments the model is told at once.
const FAULTS_TOLD: usize = 3;
/// How many characters of each.
const FAULT_LENGTH: usize = 200;

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
}

/// A tool whose types are hidden.
pub(crate) trait Entry<C>: Send + Sync {
    /// What a model is told of it.
    fn spec(&self) -> &protocol::Tool;
    fn is_offered_to(&self, caller: &C) -> bool;
    /// Runs the tool on the text of its arguments and answers with what the model and the client read.
    fn call<'a>(&'a self, context: ToolContext<C>, arguments: &'a str) -> BoxFuture<'a, Content>;
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
        let parameters = parameters::<T::Args>();
        if parameters["type"] != "object" {
            let problem = "arguments must be a struct: providers know no others".to_owned();
            return Err(ToolboxError::BadSchema { name, problem });
        }
        let validator = jsonschema::validator_for(&parameters)
            .map_err(|fault| ToolboxError::BadSchema { name: name.clone(), problem: fault.to_string() })?;
        let spec = protocol::Tool {
            name: name.clone(),
            description: tool.description().to_owned(),
            parameters: Some(parameters),
            metadata: None,
        };
        self.entries.insert(name, Arc::new(Checked { tool, spec, validator }));
        Ok(())
    }

    /// Whether any tool bears the name, offered or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Whether the tool of that name takes the argument; `None` if there is no such tool.
    pub(crate) fn takes(&self, name: &str, argument: &str) -> Option<bool> {
        let parameters = self.entries.get(name)?.spec().parameters.as_ref();
        Some(parameters.is_some_and(|schema| !schema["properties"][argument].is_null()))
    }

    /// The tool of that name, if this caller may use it.
    pub(crate) fn offered(&self, name: &str, caller: &C) -> Option<&Arc<dyn Entry<C>>> {
        self.entries.get(name).filter(|entry| entry.is_offered_to(caller))
    }

    /// What this caller's model is told, in order of name.
    pub(crate) fn specs(&self, caller: &C) -> impl Iterator<Item = &protocol::Tool> {
        self.entries.values().filter(|entry| entry.is_offered_to(caller)).map(|entry| entry.spec())
    }
}

/// The schema of arguments, in the plain form that providers take: no `$schema`, no title, nothing by reference.
fn parameters<A: schemars::JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    schema.to_value()
}

impl<C, T> Entry<C> for Checked<T>
where
    C: Send + Sync + 'static,
    T: Tool<C>,
{
    fn spec(&self) -> &protocol::Tool {
        &self.spec
    }

    fn is_offered_to(&self, caller: &C) -> bool {
        self.tool.is_offered_to(caller)
    }

    fn call<'a>(&'a self, context: ToolContext<C>, arguments: &'a str) -> BoxFuture<'a, Content> {
        async move {
            let args = match self.arguments(arguments) {
                Ok(args) => args,
                Err(sentence) => return refusal(&sentence).into(),
            };
            let deadline = context.deadline();
            let call = async { self.tool.call(context, args).await?.into_content() };
            let call = AssertUnwindSafe(call).catch_unwind();
            let refused = match tokio::time::timeout_at(deadline, call).await {
                Ok(Ok(Ok(content))) => return content,
                Ok(Ok(Err(ToolError::Refused(sentence)))) => refusal(&sentence),
                Ok(Ok(Err(ToolError::Failed(cause)))) => {
                    error!(tool = self.spec.name, cause = causes(cause.as_ref()), "tool failed");
                    refusal(FAILED)
                }
                // The panic's own words are on stderr by now, through the panic hook.
                Ok(Err(_panic)) => {
                    error!(tool = self.spec.name, "tool panicked");
                    refusal(FAILED)
                }
                Err(_elapsed) => {
                    warn!(tool = self.spec.name, "tool timed out");
                    refusal("The tool did not finish in time.")
                }
            };
            refused.into()
        }
        .boxed()
    }
}

const FAILED: &str = "The tool failed.";

impl<T> Checked<T> {
    /// Parses and checks the text that a model wrote. An error is a sentence for the model.
    fn arguments<A: serde::de::DeserializeOwned>(&self, text: &str) -> Result<A, String> {
        let text = if text.trim().is_empty() { "{}" } else { text };
        let value: Value = serde_json::from_str(text).map_err(|fault| {
            format!("The arguments are not valid JSON: line {}, column {}.", fault.line(), fault.column())
        })?;
        let faults: Vec<String> = self
            .validator
            .iter_errors(&value)
            .take(FAULTS_TOLD)
            .map(|fault| {
                format!("{} {}", fault.instance_path(), shortened(&fault.to_string())).trim().to_owned()
            })
            .collect();
        if !faults.is_empty() {
            return Err(format!("The arguments do not fit the schema: {}.", faults.join("; ")));
        }
        serde_json::from_value(value)
            .map_err(|fault| format!("The arguments do not fit: {}.", shortened(&fault.to_string())))
    }
}

/// What the model and the client read in place of a result. User interfaces parse results, so it is JSON.
pub(crate) fn refusal(sentence: &str) -> String {
    json!({ "error": sentence }).to_string()
}

fn shortened(text: &str) -> String {
    text.chars().take(FAULT_LENGTH).collect()
}
