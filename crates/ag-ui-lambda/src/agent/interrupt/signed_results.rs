//! The signatures of results: made when a result is sent, and checked when it comes back in a history.
//!
//! The signature covers the result as the client gets it, and the call as the history has it. Results of frontend tools are made by
//! the client and are not signed.

use serde_json::{Value, json};
use tracing::warn;

use super::signer::{CallRef, RunSigner};
use crate::approval::{ResultSignature, SignatureStatus, arguments_digest, text_arguments_digest};
use crate::protocol::{Content, JsonObject, Message, MessageBody, ToolCall};
use crate::tool::parse_arguments;

/// The arguments of a call of the history, with the digest that signatures are bound to.
pub(super) struct CallArguments {
    /// `None` if the text is not JSON, or if it holds a number that has no canonical form.
    pub(super) value: Option<Value>,
    pub(super) digest: [u8; 32],
}

impl CallArguments {
    /// Reads the JSON text of arguments. Invalid text has a digest, too: the call has a result, which says what is wrong.
    pub(super) fn read(text: &str) -> Self {
        let canonical = parse_arguments(text)
            .ok()
            .and_then(|value| arguments_digest(&value).ok().map(|digest| (value, digest)));
        match canonical {
            Some((value, digest)) => Self { value: Some(value), digest },
            None => Self { value: None, digest: text_arguments_digest(text) },
        }
    }
}

impl RunSigner {
    /// Signs a result. Returns the metadata that it is sent with; `None` if the key cannot be fetched.
    pub(crate) async fn sign_result(&self, call: CallRef<'_>, content: &Content) -> Option<JsonObject> {
        let content = content_digest(call, content)?;
        let digest = CallArguments::read(call.arguments).digest;
        let binding = self.binding(&self.run_id, call.id, call.tool, digest);
        let signature = self.approvals.sign_result(&binding, content).await.ok()?;
        Some(metadata(&signature))
    }

    /// Signs a result with the cached key, because the result must not wait; `None` if no key is cached.
    pub(crate) fn try_sign_result(&self, call: CallRef<'_>, content: &Content) -> Option<JsonObject> {
        let content = content_digest(call, content)?;
        let digest = CallArguments::read(call.arguments).digest;
        let binding = self.binding(&self.run_id, call.id, call.tool, digest);
        Some(metadata(&self.approvals.try_sign_result(&binding, content)?))
    }

    /// Verifies the signature of a tool message that answers a call with these arguments.
    pub(super) async fn verify_result(
        &self,
        message: &Message,
        call: &ToolCall,
        arguments: &CallArguments,
    ) -> SignatureStatus {
        // A message with an `error` does not count as signed: the model would read the error, which no signature covers.
        let (MessageBody::Tool { content, error: None, .. }, Some(signature)) =
            (&message.body, signature(message))
        else {
            return SignatureStatus::Invalid;
        };
        let Ok(content) = arguments_digest(&json!(content)) else { return SignatureStatus::Invalid };
        let binding = self.binding(signature.run_id(), &call.id, &call.function.name, arguments.digest);
        self.approvals.verify_result(&signature, &binding, content).await
    }
}

/// Returns the signature that a tool message carries. It is not verified.
pub(super) fn signature(message: &Message) -> Option<ResultSignature> {
    let metadata = message.metadata.as_ref()?;
    ResultSignature::parse(metadata.get("ag_ui_lambda")?["signature"].as_str()?)
}

/// Returns the digest of a result; `None` if its metadata holds a number that cannot be signed.
fn content_digest(call: CallRef<'_>, content: &Content) -> Option<[u8; 32]> {
    let digest = arguments_digest(&json!(content)).ok();
    if digest.is_none() {
        warn!(tool = call.tool, "a result with an integer beyond 2^53 in its metadata is not signed");
    }
    digest
}

/// Returns the metadata of a result with this signature.
fn metadata(signature: &ResultSignature) -> JsonObject {
    JsonObject::from_iter([("ag_ui_lambda".into(), json!({ "signature": signature.encode() }))])
}
