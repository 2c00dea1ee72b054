//! The signatures of tools' results: made when a result is sent, checked when it comes back in a history.
//!
//! What is signed is the result as the client gets it and the call as the history has it. What a front end's tools
//! return is the client's own word and is not signed.

use serde_json::{Value, json};
use tracing::warn;

use super::waiting::{Called, Prover};
use crate::approval::{ResultSignature, Signature, digest, digest_text};
use crate::model::Call;
use crate::protocol::{Content, JsonObject, Message, MessageBody, RunId, ToolCall, ToolCallId};
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

/// The arguments of a call of the history, with their digest as signatures know it.
pub(super) struct Arguments {
    /// None if they can't be read, or hold a number that has no canonical form.
    pub(super) canonical: Option<Value>,
    pub(super) digest: [u8; 32],
}

impl Arguments {
    /// `text` is JSON as the history has it; it may be broken. A call with such arguments has a result too: it says what is
    /// wrong with them.
    pub(super) fn read(text: &str) -> Self {
        let canonical = parse(text).ok().and_then(|value| digest(&value).ok().map(|digest| (value, digest)));
        match canonical {
            Some((value, digest)) => Self { canonical: Some(value), digest },
            None => Self { canonical: None, digest: digest_text(text) },
        }
    }
}

impl<'a> Answered<'a> {
    /// `arguments` is JSON text as the history has it.
    pub(super) fn new(id: &'a ToolCallId, tool: &'a str, arguments: &'a str) -> Self {
        Self { id, tool, arguments }
    }

    fn called(self, run_id: &'a RunId) -> Called<'a> {
        let arguments = Arguments::read(self.arguments).digest;
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
    /// The metadata that a result is sent with; `None` while the keys can't be had.
    pub(super) async fn sign(&self, call: Answered<'_>, content: &Content) -> Option<JsonObject> {
        let content = content_digest(call, content)?;
        let subject = self.subject(call.called(self.run_id));
        let signature = self.approvals.sign_result(&subject, content).await.ok()?;
        Some(metadata(&signature))
    }

    /// The same by the key that is known now, for results that must not wait.
    pub(super) fn sign_now(&self, call: Answered<'_>, content: &Content) -> Option<JsonObject> {
        let content = content_digest(call, content)?;
        let subject = self.subject(call.called(self.run_id));
        Some(metadata(&self.approvals.sign_result_now(&subject, content)?))
    }

    /// What is known of the signature of a tool message of a call with these arguments.
    pub(super) async fn check_result(
        &self,
        message: &Message,
        call: &ToolCall,
        arguments: &Arguments,
    ) -> Signature {
        // The client's error would be read in front of what was signed.
        let (MessageBody::Tool { content, error: None, .. }, Some(signature)) =
            (&message.body, signature(message))
        else {
            return Signature::Forged;
        };
        let Ok(content) = digest(&json!(content)) else { return Signature::Forged };
        let (id, tool, arguments) = (&call.id, call.function.name.as_str(), arguments.digest);
        let subject = self.subject(Called { run_id: signature.run_id(), id, tool, arguments });
        self.approvals.check_result(&signature, &subject, content).await
    }
}

/// The signature that a tool message carries, not yet checked.
pub(super) fn signature(message: &Message) -> Option<ResultSignature> {
    let metadata = message.metadata.as_ref()?;
    ResultSignature::read(metadata.get("ag_ui_lambda")?["signature"].as_str()?)
}

/// Whether a tool message is what stands for no result. A client that leaves a result out says as much.
pub(super) fn says_nothing(message: &Message) -> bool {
    matches!(
        &message.body,
        MessageBody::Tool { content: Content::Text(text), error: None, .. } if text == UNANSWERED
    )
}

fn content_digest(call: Answered<'_>, content: &Content) -> Option<[u8; 32]> {
    let digest = digest(&json!(content)).ok();
    if digest.is_none() {
        warn!(tool = call.tool, "a result with an integer beyond 2^53 in its metadata is not signed");
    }
    digest
}

fn metadata(signature: &ResultSignature) -> JsonObject {
    JsonObject::from_iter([("ag_ui_lambda".into(), json!({ "signature": signature.text() }))])
}
