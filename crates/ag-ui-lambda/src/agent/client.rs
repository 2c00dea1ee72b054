//! What the agent lets clients do: which version of the protocol they are spoken to in, and what they may bring into
//! the prompt.
//!
//! A client writes all of a run's input. What a setting here does not allow is left out before the model is asked; it
//! refuses no run. The log says how much was left out, never what. Nothing here concerns what a caller may do: that is
//! decided by what was proven of the caller, whatever the client sends.

use std::collections::{HashMap, HashSet};

use tracing::info;

use super::calls::calls;
use super::{AgentBuilder, NameTaken};
use crate::protocol::{Content, MessageBody, PartKind, RunAgentInput, Tool};

/// Which shapes of the protocol the events of a run have.
///
/// Version 1.0 added the outcome `cancelled`, `pendingToolCallIds` and results in parts. Clients before 1.0 drop such
/// events, so that the user sees a run that never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientCompat {
    /// The shapes before 1.0 for an input without `protocolVersion`, and those of 1.0 for any other input.
    #[default]
    Auto,
    /// The shapes before 1.0 for every input.
    ///
    /// It is for a front end whose server says 1.0 and whose browser runs a client before 1.0, as CopilotKit's does.
    Legacy,
}

/// Which tools of its own a client may offer to the model.
///
/// Names are compared without ASCII case, as they are with the names of backend tools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FrontendTools {
    /// All of them.
    #[default]
    Any,
    /// None of them.
    Deny,
    /// Those with one of these names.
    Allow(Vec<String>),
}

/// What the agent lets clients do.
#[derive(Debug, Clone)]
pub(super) struct ClientSettings {
    compat: ClientCompat,
    frontend_tools: FrontendTools,
    /// Whether the model reads the context entries of the input.
    context: bool,
    /// Whether the model reads pictures and other media that a client sends.
    media: bool,
    /// Whether interrupts say when they expire.
    pub(super) send_expires_at: bool,
}

impl Default for ClientSettings {
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

impl<C> AgentBuilder<C> {
    /// Which shapes of the protocol the events of a run have. The default is [`ClientCompat::Auto`].
    pub fn client_compat(mut self, compat: ClientCompat) -> Self {
        self.client.compat = compat;
        self
    }

    /// Which tools of its own a client may offer to the model. The default is [`FrontendTools::Any`].
    ///
    /// A tool that is not allowed is left out, as if the client had not sent it: it is not compared with other names.
    pub fn frontend_tools(mut self, tools: FrontendTools) -> Self {
        self.client.frontend_tools = tools;
        self
    }

    /// Whether the model reads the `context` entries that a client sends. The default is `true`.
    pub fn client_context(mut self, is_read: bool) -> Self {
        self.client.context = is_read;
        self
    }

    /// Whether the model reads pictures, sounds, videos and documents that a client sends. The default is `true`.
    ///
    /// With `false` they are left out of user messages and of the results of all tools but the agent's own. What a
    /// client claims to be a result of the agent's own tool keeps its media, unless results must be signed:
    /// [`requires_signed_results`](Self::requires_signed_results).
    pub fn client_media(mut self, is_read: bool) -> Self {
        self.client.media = is_read;
        self
    }

    /// Whether interrupts carry `expiresAt`. The default is `false`.
    ///
    /// `@ag-ui/client` 0.0.59 refuses to send anything more in a thread once that time has passed. An approval
    /// expires at the same time either way, and a late answer is answered with the result `expired`.
    pub fn send_expires_at(mut self, is_sent: bool) -> Self {
        self.client.send_expires_at = is_sent;
        self
    }
}

impl ClientSettings {
    /// Whether an input with this `protocolVersion` is answered in the shapes before 1.0.
    pub(super) fn is_before_1_0(&self, protocol_version: Option<&str>) -> bool {
        self.compat == ClientCompat::Legacy || protocol_version.is_none()
    }

    /// Says in the log what differs from what a client expects; called once, when the agent is made.
    pub(super) fn log(&self) {
        if self.compat == ClientCompat::Legacy {
            info!(
                client_compat = "legacy",
                "every client is answered in the shapes before AG-UI 1.0, for front ends whose browser runs \
                 @ag-ui/client 0.0.x behind a server that says 1.0"
            );
        }
    }

    /// Whether clients may offer any tool at all.
    pub(super) fn takes_tools(&self) -> bool {
        match &self.frontend_tools {
            FrontendTools::Any => true,
            FrontendTools::Deny => false,
            FrontendTools::Allow(names) => !names.is_empty(),
        }
    }

    /// Whether the model reads media that clients send.
    pub(super) fn takes_media(&self) -> bool {
        self.media
    }

    /// The frontend tools that the model is offered. Identical duplicates merge.
    ///
    /// `is_backend` says whether a name, compared without case, is a backend tool's.
    ///
    /// # Errors
    /// [`NameTaken`] for the first allowed tool whose name differs from another tool's in nothing or in case only.
    pub(super) fn frontend_tools(
        &self,
        tools: &[Tool],
        is_backend: impl Fn(&str) -> bool,
    ) -> Result<Vec<Tool>, NameTaken> {
        let mut merged: Vec<Tool> = Vec::with_capacity(tools.len());
        let mut places: HashMap<String, usize> = HashMap::with_capacity(tools.len());
        let mut left_out = 0;
        for (index, tool) in tools.iter().enumerate() {
            if !self.allows(&tool.name) {
                left_out += 1;
                continue;
            }
            if is_backend(&tool.name) {
                return Err(NameTaken { index });
            }
            let name = tool.name.to_ascii_lowercase();
            match places.get(&name) {
                Some(&place) if merged[place] == *tool => {}
                Some(_) => return Err(NameTaken { index }),
                None => {
                    places.insert(name, merged.len());
                    merged.push(tool.clone());
                }
            }
        }
        if left_out > 0 {
            info!(tools = left_out, "frontend tools that are not allowed were left out");
        }
        Ok(merged)
    }

    fn allows(&self, name: &str) -> bool {
        match &self.frontend_tools {
            FrontendTools::Any => true,
            FrontendTools::Deny => false,
            FrontendTools::Allow(names) => names.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)),
        }
    }

    /// Leaves out of an input what the model is not to read: context entries and media.
    ///
    /// A message keeps its place: one that held nothing but media is left with no parts. `is_backend` as in
    /// [`frontend_tools`](Self::frontend_tools).
    pub(super) fn restrict(&self, input: &mut RunAgentInput, is_backend: impl Fn(&str) -> bool) {
        let mut context = 0;
        if !self.context {
            context = input.context.len();
            input.context.clear();
        }
        let media = if self.media { 0 } else { leave_out_media(input, is_backend) };
        if context > 0 || media > 0 {
            info!(context, media, "context entries and media that are not allowed were left out");
        }
    }
}

/// Leaves out the media of user messages and of results of tools that are not the agent's own; returns how many parts.
fn leave_out_media(input: &mut RunAgentInput, is_backend: impl Fn(&str) -> bool) -> usize {
    let calls = calls(&input.messages);
    let own = calls.iter().filter(|call| is_backend(&call.call.function.name));
    let own_results: HashSet<usize> = own.flat_map(|call| call.answers.iter().copied()).collect();
    let mut left_out = 0;
    for (place, message) in input.messages.iter_mut().enumerate() {
        let content = match &mut message.body {
            MessageBody::User { content } => content,
            MessageBody::Tool { content, .. } if !own_results.contains(&place) => content,
            _ => continue,
        };
        if let Content::Parts(parts) = content {
            let before = parts.len();
            parts.retain(|part| matches!(part.kind, PartKind::Text { .. }));
            left_out += before - parts.len();
        }
    }
    left_out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The input of these messages, without what a client that may bring neither context nor media has brought.
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
    fn a_message_of_media_alone_keeps_its_place() {
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
    fn a_result_belongs_to_the_call_whose_result_the_model_reads_it_as() {
        let call = |name: &str| {
            let function = json!({"name": name, "arguments": "{}"});
            json!({"id": "a", "role": "assistant", "toolCalls": [{"id": "c1", "type": "function", "function": function}]})
        };
        let result = json!({"id": "x", "role": "tool", "toolCallId": "c1", "content": [
            {"type": "video", "source": {"type": "url", "value": "https://a.example/v.mp4"}},
        ]});
        for (why, messages, kept) in [
            ("the agent's own tool", json!([call("chart"), result]), 1),
            ("a frontend tool", json!([call("camera"), result]), 0),
            ("its own call, and beside it the frontend's", json!([call("chart"), call("camera"), result]), 1),
            ("the frontend's, and beside it its own", json!([call("camera"), call("chart"), result]), 0),
            (
                "the frontend's in a later turn",
                json!([call("chart"), result.clone(), call("camera"), result]),
                1,
            ),
            ("no call that is known", json!([result]), 0),
            ("a call behind it", json!([result, call("chart")]), 1),
        ] {
            let restricted = restricted(messages);

            let of_tool =
                restricted.as_array().unwrap().iter().find(|message| message["role"] == "tool").unwrap();
            assert_eq!(of_tool["content"].as_array().unwrap().len(), kept, "{why}");
        }
    }
}
