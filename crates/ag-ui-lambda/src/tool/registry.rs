//! The tools of an agent, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::erased_tool::{ErasedTool, Registered};
use super::schema::Validator;
use super::{Interrupts, Tool};
use crate::protocol;

/// The longest name of a tool, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// A tool cannot be added to an agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterToolError {
    /// Model providers do not accept the name.
    #[error("tool name {0:?} must be 1 to 64 ASCII letters, digits, `_` and `-`")]
    InvalidName(String),
    /// The agent has another tool of this name.
    #[error("two tools are named {0:?}")]
    DuplicateName(String),
    /// Calls cannot be validated against the schema of the arguments.
    #[error("the arguments of tool {name:?} have no usable schema: {reason}")]
    InvalidSchema {
        /// Names the tool.
        name: String,
        /// Says why the schema is not usable.
        reason: String,
    },
    /// The tool lets its arguments be edited and also asks a question. A question is bound to the arguments that the
    /// model wrote, so it could not be answered for edited ones.
    #[error("tool {0:?} can't both let its arguments be edited and ask a question")]
    EditableWithQuestion(String),
}

/// The tools of an agent, by name.
pub(crate) struct ToolRegistry<C> {
    tools: BTreeMap<String, Arc<dyn ErasedTool<C>>>,
}

impl<C: Send + Sync + 'static> ToolRegistry<C> {
    /// Creates a registry without tools.
    pub(crate) fn new() -> Self {
        Self { tools: BTreeMap::new() }
    }

    /// Adds a tool after checking it and the JSON Schema of its arguments.
    ///
    /// Names are compared with their case, as all providers do: `look` and `Look` are two tools. Both are the application's
    /// own. With names of a client's tools they are compared without it.
    ///
    /// # Errors
    /// [`RegisterToolError`] if the name or the schema cannot be used, the name is taken, or the tool both lets its
    /// arguments be edited and asks questions.
    pub(crate) fn add<T: Tool<C>>(&mut self, tool: T) -> Result<(), RegisterToolError> {
        let name = tool.name().to_owned();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_allowed) {
            return Err(RegisterToolError::InvalidName(name));
        }
        if self.tools.contains_key(&name) {
            return Err(RegisterToolError::DuplicateName(name));
        }
        let parameters = tool.parameters();
        if parameters["type"] != "object" {
            let reason = "it must have the type \"object\" (the type of the arguments must be a struct): providers accept no other type".to_owned();
            return Err(RegisterToolError::InvalidSchema { name, reason });
        }
        let Interrupts { editable, question, .. } = tool.interrupts();
        if editable && question {
            return Err(RegisterToolError::EditableWithQuestion(name));
        }
        let validator = Validator::new(&parameters).map_err(|error| RegisterToolError::InvalidSchema {
            name: name.clone(),
            reason: error.to_string(),
        })?;
        let spec = protocol::Tool {
            name: name.clone(),
            description: tool.description().to_owned(),
            parameters: Some(parameters),
            metadata: None,
        };
        self.tools.insert(name, Arc::new(Registered { tool, spec, validator }));
        Ok(())
    }

    /// Whether a backend tool has this name, compared without ASCII case.
    ///
    /// A client may not offer a tool with such a name, so a call of the name is never a call of a frontend tool.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.tools.contains_key(name) || self.tools.keys().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether the tool of this name has a top-level argument `argument` in its schema; `None` if no tool has the name.
    /// `AgentBuilder::build` checks the state predictions with it.
    pub(crate) fn has_argument(&self, name: &str, argument: &str) -> Option<bool> {
        let parameters = self.tools.get(name)?.spec().parameters.as_ref();
        Some(parameters.is_some_and(|schema| !schema["properties"][argument].is_null()))
    }

    /// Returns the tool of exactly this name; `None` if no tool has it. Whether the caller may use the tool is not
    /// checked.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn ErasedTool<C>>> {
        self.tools.get(name)
    }

    /// Whether calls of the tool of this name may wait for a person. If no tool has exactly this name, names are
    /// compared without ASCII case. This method is called for the calls of the history that a client sends.
    pub(crate) fn may_interrupt(&self, name: &str) -> bool {
        match self.tools.get(name) {
            Some(tool) => tool.interrupts().can_interrupt(),
            None => self.interruptible_names().any(|own| own.eq_ignore_ascii_case(name)),
        }
    }

    /// Returns the names of the tools whose calls may wait for a person. The warning about missing approvals lists
    /// them.
    pub(crate) fn interruptible_names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().filter(|(_, tool)| tool.interrupts().can_interrupt()).map(|(name, _)| name.as_str())
    }

    /// Returns all tools, sorted by name. Whether the caller may use them is not checked.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn ErasedTool<C>>> {
        self.tools.values()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tool::arguments::ArgumentsError;
    use crate::tool::{ToolContext, ToolError, tool_fn};

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Order {
        #[schemars(range(max = 10))]
        #[expect(dead_code, reason = "only its type matters")]
        count: u32,
    }

    async fn order(_: ToolContext<()>, _: Order) -> Result<String, ToolError> {
        Ok(String::new())
    }

    fn check(arguments: &Value) -> Result<(), ArgumentsError> {
        let mut tools = ToolRegistry::<()>::new();
        tools.add(tool_fn("order", "Orders.", order)).unwrap();
        tools.get("order").unwrap().check_arguments(arguments)
    }

    #[test]
    fn checks_arguments_with_and_without_schema_validation() {
        assert_eq!(check(&json!({ "count": 7 })), Ok(()));
        for (why, arguments) in [
            ("no member", json!({})),
            ("another type", json!({ "count": "seven" })),
            ("out of the type's range", json!({ "count": -1 })),
        ] {
            let sentence = check(&arguments).unwrap_err().to_string();
            assert!(sentence.starts_with("The arguments do not fit"), "{why}: {sentence}");
        }
        let is_range_checked = check(&json!({ "count": 11 })).is_err();
        assert_eq!(is_range_checked, cfg!(feature = "validate"));
    }
}
