//! The results of tools: signed when they are told, and checked when they come back in a history.
//!
//! What is signed is the result as the client gets it and the call as the history has it. What a front end's tools
//! return is the client's own word and not looked at.

use std::collections::HashMap;

use serde_json::json;
use tracing::warn;

use super::waiting::{Called, Prover};
use super::{Agent, Refusal};
use crate::approval::{Identity, ResultSignature, digest, digest_text};
use crate::model::Call;
use crate::protocol::{
    Content, JsonObject, Message, MessageBody, RunAgentInput, RunId, ToolCall, ToolCallId,
};
use crate::tool::parse;
use crate::transcript::UNANSWERED;

/// A call that a result is for, as the history has it.
#[derive(Clone, Copy)]
pub(super) struct Answered<'a> {
    id: &'a ToolCallId,
    tool: &'a str,
    /// JSON text; it may be broken.
    arguments: &'a str,
}

impl<'a> Answered<'a> {
    fn called(self, run_id: &'a RunId) -> Called<'a> {
        let canonical = parse(self.arguments).ok().and_then(|arguments| digest(&arguments).ok());
        // A call with such arguments has a result too: it says what is wrong with them.
        let arguments = canonical.unwrap_or_else(|| digest_text(self.arguments));
        Called { run_id, id: self.id, tool: self.tool, arguments }
    }
}

impl<'a> From<&'a Call> for Answered<'a> {
    fn from(call: &'a Call) -> Self {
        Self { id: &call.id, tool: &call.name, arguments: &call.arguments }
    }
}

impl<'a> From<&'a ToolCall> for Answered<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self { id: &call.id, tool: &call.function.name, arguments: &call.function.arguments }
    }
}

impl Prover<'_> {
    /// The metadata that a result is told with; none while the keys can't be had.
    pub(super) async fn sign(&self, call: Answered<'_>, content: &Content) -> Option<JsonObject> {
        let Ok(content) = digest(&json!(content)) else {
            warn!(tool = call.tool, "a result with an integer beyond 2^53 in its metadata is not signed");
            return None;
        };
        let subject = self.subject(call.called(self.run_id));
        let signature = self.approvals.sign_result(&subject, content).await.ok()?;
        Some(JsonObject::from_iter([("ag_ui_lambda".into(), json!({ "signature": signature.text() }))]))
    }

    /// Whether a tool message is as this server has told it.
    async fn has_told(
        &self,
        message: &Message,
        call: Answered<'_>,
        content: &Content,
    ) -> Result<bool, Refusal> {
        let text = message
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.get("ag_ui_lambda")?["signature"].as_str());
        let Some(signature) = text.and_then(ResultSignature::read) else { return Ok(false) };
        let Ok(content) = digest(&json!(content)) else { return Ok(false) };
        let subject = self.subject(call.called(signature.run_id()));
        let has_signed = self.approvals.has_signed(&signature, &subject, content).await;
        has_signed.map_err(|_| Refusal::ApprovalKeyUnavailable)
    }
}

/// Refuses a history with a result of a backend tool that this server has not told, where the agent requires that.
pub(super) async fn check<C: Send + Sync + 'static>(
    agent: &Agent<C>,
    identity: Option<&Identity>,
    input: &RunAgentInput,
) -> Result<(), Refusal> {
    if !agent.inner.requires_signed_results {
        return Ok(());
    }
    if let Some(approvals) = &agent.inner.approvals {
        // A result that could not be signed would end the thread.
        approvals.ready().await.map_err(|_| Refusal::ApprovalKeyUnavailable)?;
    }
    let prover = agent.prover(identity, &input.thread_id, &input.run_id);
    let calls = calls(&input.messages);
    for (index, message) in input.messages.iter().enumerate() {
        let MessageBody::Tool { tool_call_id, content, error } = &message.body else { continue };
        let call = calls.get(tool_call_id).filter(|call| agent.inner.toolbox.has(&call.function.name));
        let Some(call) = call else { continue };
        // The client's error would be read in front of what was signed.
        let is_told = match prover {
            _ if error.is_some() => false,
            _ if says_nothing(content) => true,
            Some(prover) => prover.has_told(message, Answered::from(*call), content).await?,
            None => false,
        };
        if !is_told {
            return Err(Refusal::UnsignedResult { index });
        }
    }
    Ok(())
}

/// The calls of a history. Of two with one id the first counts, as it does for the model.
fn calls(messages: &[Message]) -> HashMap<&ToolCallId, &ToolCall> {
    let mut calls = HashMap::new();
    for message in messages {
        if let MessageBody::Assistant { tool_calls, .. } = &message.body {
            for call in tool_calls {
                calls.entry(&call.id).or_insert(call);
            }
        }
    }
    calls
}

/// Whether it is what stands for no result. A client that leaves a result out says as much.
fn says_nothing(content: &Content) -> bool {
    matches!(content, Content::Text(text) if text == UNANSWERED)
}
