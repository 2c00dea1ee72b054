//! What clients may send for a run, and which version of the protocol their events have.
//!
//! A client writes the whole input of a run. What a setting here does not allow is left out before the model is asked; no run is
//! refused for it. The log says how much was left out, never what. Nothing here is about what a caller may do: that depends on
//! what was proven of the caller, whatever the client sends.

use std::collections::{HashMap, HashSet};

use tracing::info;

use super::history::calls::read_calls;
use crate::agent::error::StartRunError;
use crate::protocol::{Content, MessageBody, PartKind, RunAgentInput, Tool};

/// Says which version of the protocol the events of a run have.
///
/// Version 1.0 added the outcome `cancelled`, `pendingToolCallIds` and results in parts. Clients before 1.0 drop such
/// events, so that the user sees a run that never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientCompat {
    /// An input without `protocolVersion` is answered in the shapes before 1.0, and any other input in those of 1.0.
    #[default]
    Auto,
    /// Every input is answered in the shapes before 1.0.
    ///
    /// It is for a front end whose server says 1.0 and whose browser runs a client before 1.0, as CopilotKit's does.
    Legacy,
}

/// Which frontend tools a client may offer to the model.
///
/// Names are compared without ASCII case, as they are with the names of backend tools.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::agent::FrontendTools;
/// use ag_ui_lambda::{Agent, demo};
///
/// let agent = Agent::<()>::builder(demo(Duration::ZERO))
///     .frontend_tools(FrontendTools::Allow(["show_map".into()].into()))
///     .build()?;
/// # Ok::<(), ag_ui_lambda::agent::BuildAgentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FrontendTools {
    /// A client may offer any tool.
    #[default]
    Any,
    /// A client may offer no tool.
    Deny,
    /// A client may offer the tools that have one of these names.
    Allow(Vec<String>),
}

/// What an agent lets clients do.
#[derive(Debug, Clone)]
pub(crate) struct ClientSettings {
    pub(crate) compat: ClientCompat,
    pub(crate) frontend_tools: FrontendTools,
    /// Whether the model reads the context entries of the input.
    pub(crate) context: bool,
    /// Whether the model reads pictures and other media that a client sends.
    pub(crate) media: bool,
    /// Whether interrupts carry `expiresAt`.
    pub(crate) send_expires_at: bool,
}

impl Default for ClientSettings {
    /// Returns settings that allow all frontend tools, context entries and media, and leave out `expiresAt`.
    fn default() -> Self {
        Self {
            compat: ClientCompat::default(),
            frontend_tools: FrontendTools::default(),
            context: true,
            media: true,
            send_expires_at: false,
        }
    }
}

impl ClientSettings {
    /// Whether a client that sent this `protocolVersion` gets events in the shapes before version 1.0: a client that
    /// sent none does, and with [`ClientCompat::Legacy`] every client does. This method is called once in each run,
    /// when the transcript is created.
    pub(crate) fn is_before_1_0(&self, protocol_version: Option<&str>) -> bool {
        self.compat == ClientCompat::Legacy || protocol_version.is_none()
    }

    /// Logs that every client gets events in the shapes before 1.0, if [`ClientCompat::Legacy`] is set. The builder
    /// calls it once.
    pub(crate) fn log(&self) {
        if self.compat == ClientCompat::Legacy {
            info!(
                client_compat = "legacy",
                "every client is answered in the shapes before AG-UI 1.0, for front ends whose browser runs \
                 @ag-ui/client 0.0.x behind a server that says 1.0"
            );
        }
    }

    /// Whether clients may offer any tool at all. Only the capabilities of the agent use this method.
    pub(crate) fn allows_tools(&self) -> bool {
        match &self.frontend_tools {
            FrontendTools::Any => true,
            FrontendTools::Deny => false,
            FrontendTools::Allow(names) => !names.is_empty(),
        }
    }

    /// Whether the model reads the media that clients send. If not, the media are left out. Only the capabilities of
    /// the agent use this method.
    pub(crate) fn allows_media(&self) -> bool {
        self.media
    }

    /// Returns those of the client's `tools` that the model is offered. Tools that are not allowed are left out, and
    /// identical duplicates are merged.
    ///
    /// `is_reserved` returns whether a name, compared without ASCII case, is the name of a tool of the agent's own. This method
    /// is called before the run starts.
    ///
    /// # Errors
    /// [`StartRunError::ToolNameTaken`] for the first allowed tool that has the name of another tool.
    pub(crate) fn select_frontend_tools(
        &self,
        tools: Vec<Tool>,
        is_reserved: impl Fn(&str) -> bool,
    ) -> Result<Vec<Tool>, StartRunError> {
        let mut merged: Vec<Tool> = Vec::with_capacity(tools.len());
        let mut indexes: HashMap<String, usize> = HashMap::with_capacity(tools.len());
        let mut left_out = 0;
        for (index, tool) in tools.into_iter().enumerate() {
            if !self.allows(&tool.name) {
                left_out += 1;
                continue;
            }
            if is_reserved(&tool.name) {
                return Err(StartRunError::ToolNameTaken { index });
            }
            let name = tool.name.to_ascii_lowercase();
            match indexes.get(&name) {
                Some(&known) if merged[known] == tool => {}
                Some(_) => return Err(StartRunError::ToolNameTaken { index }),
                None => {
                    indexes.insert(name, merged.len());
                    merged.push(tool);
                }
            }
        }
        if left_out > 0 {
            info!(tools = left_out, "frontend tools that are not allowed were left out");
        }
        Ok(merged)
    }

    /// Whether the setting allows a frontend tool of this name. Names are compared without ASCII case.
    fn allows(&self, name: &str) -> bool {
        match &self.frontend_tools {
            FrontendTools::Any => true,
            FrontendTools::Deny => false,
            FrontendTools::Allow(names) => names.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)),
        }
    }

    /// Removes from an input the context entries and the media that the model may not read, and logs how many.
    ///
    /// No message is removed: a message that held only media keeps no parts. `is_backend` returns whether a name, compared
    /// without ASCII case, is the name of a backend tool. The driver calls it at the beginning of a run.
    pub(crate) fn restrict(&self, input: &mut RunAgentInput, is_backend: impl Fn(&str) -> bool) {
        let mut context = 0;
        if !self.context {
            context = input.context.len();
            input.context.clear();
        }
        let media = if self.media { 0 } else { remove_media(input, is_backend) };
        if context > 0 || media > 0 {
            info!(context, media, "context entries and media that are not allowed were left out");
        }
    }
}

/// Removes the media from user messages and from results of frontend tools; results of backend tools keep theirs.
/// Returns the number of removed parts. `is_backend` returns whether a name is the name of a backend tool.
fn remove_media(input: &mut RunAgentInput, is_backend: impl Fn(&str) -> bool) -> usize {
    let calls = read_calls(&input.messages);
    let backend_calls = calls.iter().filter(|call| is_backend(&call.call.function.name));
    let backend_results: HashSet<usize> =
        backend_calls.flat_map(|call| call.tool_messages.iter().copied()).collect();
    let mut removed = 0;
    for (index, message) in input.messages.iter_mut().enumerate() {
        let content = match &mut message.body {
            MessageBody::User { content } => content,
            MessageBody::Tool { content, .. } if !backend_results.contains(&index) => content,
            _ => continue,
        };
        if let Content::Parts(parts) = content {
            let before = parts.len();
            parts.retain(|part| matches!(part.kind, PartKind::Text { .. }));
            removed += before - parts.len();
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Returns these messages as they are for a client that may bring neither context nor media.
    fn restricted(messages: Value) -> Value {
        let settings = ClientSettings { context: false, media: false, ..ClientSettings::default() };
        let context = json!([{"description": "page", "value": "orders"}]);
        let input = json!({"threadId": "t", "runId": "r", "messages": messages, "context": context});
        let mut input = RunAgentInput::read(input).unwrap().input;
        settings.restrict(&mut input, |name| name == "chart");
        assert!(input.context.is_empty());
        serde_json::to_value(input.messages).unwrap()
    }

    #[test]
    fn message_of_media_only_is_kept_without_parts() {
        let picture = json!({"type": "image", "source": {"type": "url", "value": "https://a.example/p.png"}});

        let messages = restricted(json!([
            {"id": "u1", "role": "user", "content": [picture, picture]},
            {"id": "u2", "role": "user", "content": [{"type": "text", "text": "See this."}, picture]},
            {"id": "u3", "role": "user", "content": "Well?"},
        ]));

        assert_eq!(messages[0]["content"], json!([]));
        assert_eq!(messages[1]["content"], json!([{"type": "text", "text": "See this."}]));
        assert_eq!(messages[2]["content"], "Well?");
    }

    #[test]
    fn media_of_results_are_kept_for_backend_tools_only() {
        let call = |name: &str| {
            let function = json!({"name": name, "arguments": "{}"});
            json!({"id": "a", "role": "assistant", "toolCalls": [{"id": "c1", "type": "function", "function": function}]})
        };
        let result = json!({"id": "x", "role": "tool", "toolCallId": "c1", "content": [
            {"type": "video", "source": {"type": "url", "value": "https://a.example/v.mp4"}},
        ]});
        for (why, messages, kept) in [
            ("a backend tool", json!([call("chart"), result]), 1),
            ("a frontend tool", json!([call("camera"), result]), 0),
            (
                "a backend call, and beside it a frontend call",
                json!([call("chart"), call("camera"), result]),
                1,
            ),
            (
                "a frontend call, and beside it a backend call",
                json!([call("camera"), call("chart"), result]),
                0,
            ),
            (
                "a frontend call in a later turn",
                json!([call("chart"), result.clone(), call("camera"), result]),
                1,
            ),
            ("no call", json!([result]), 0),
            ("a call after the result", json!([result, call("chart")]), 1),
        ] {
            let restricted = restricted(messages);

            let tool_message =
                restricted.as_array().unwrap().iter().find(|message| message["role"] == "tool").unwrap();
            assert_eq!(tool_message["content"].as_array().unwrap().len(), kept, "{why}");
        }
    }
}
