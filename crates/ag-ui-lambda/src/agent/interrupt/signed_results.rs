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
    /// Parses the JSON text of a call's arguments and computes their digest. If the text cannot be parsed, or holds a
    /// number that cannot be signed, there is no value, and the digest is one of the text: the error result of such a
    /// call is signed, too.
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
    /// Signs the result of a call for the caller and run of this signer. Returns the metadata, with the signature, that
    /// the tool message carries; `None` if the key cannot be fetched or the content cannot be signed. This method is
    /// called for each result that a run sends, placeholders excepted.
    pub(crate) async fn sign_result(&self, call: CallRef<'_>, content: &Content) -> Option<JsonObject> {
        let content = content_digest(call, content)?;
        let digest = CallArguments::read(call.arguments).digest;
        let binding = self.binding(&self.run_id, call.id, call.tool, digest);
        let signature = self.approvals.sign_result(&binding, content).await.ok()?;
        Some(metadata(&signature))
    }

    /// Signs a result like [`sign_result`](Self::sign_result), with the cached key and without waiting. It is for
    /// results that must be sent at once, such as placeholders. `None` also if no key is cached.
    pub(crate) fn try_sign_result(&self, call: CallRef<'_>, content: &Content) -> Option<JsonObject> {
        let content = content_digest(call, content)?;
        let digest = CallArguments::read(call.arguments).digest;
        let binding = self.binding(&self.run_id, call.id, call.tool, digest);
        Some(metadata(&self.approvals.try_sign_result(&binding, content)?))
    }

    /// Verifies the signature that the tool message `message` carries for `call`, whose arguments are `arguments`. A
    /// message without a signature, or with an `error`, is invalid.
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

/// Reads the signature from the metadata of a tool message, and does not verify it; `None` if there is no signature in
/// a known format.
pub(super) fn signature(message: &Message) -> Option<ResultSignature> {
    let metadata = message.metadata.as_ref()?;
    ResultSignature::parse(metadata.get("ag_ui_lambda")?["signature"].as_str()?)
}

/// Returns the digest of a result's content. If the content holds an integer beyond 2^53, which cannot be signed, logs
/// a warning and returns `None`. `call` names the tool in the warning.
fn content_digest(call: CallRef<'_>, content: &Content) -> Option<[u8; 32]> {
    let digest = arguments_digest(&json!(content)).ok();
    if digest.is_none() {
        warn!(tool = call.tool, "a result with an integer beyond 2^53 in its metadata is not signed");
    }
    digest
}

/// Returns the metadata with which a tool message carries this signature.
fn metadata(signature: &ResultSignature) -> JsonObject {
    JsonObject::from_iter([("ag_ui_lambda".into(), json!({ "signature": signature.encode() }))])
}
