//! Ends a turn: with the provider's finish reason, or with a failure.

use http::header;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tracing::warn;

use super::ResponseReader;
use crate::model::http::error;
use crate::model::http::finish_reason::FinishReason;
use crate::model::http::provider::Wire;
use crate::model::{Delta, ModelError, ModelErrorKind, StopReason};

impl ResponseReader {
    /// Ends the turn with the provider's finish reason: completes the calls, sends signatures and token counts, and
    /// then [`Delta::End`]. The turn fails instead if there is no finish reason, if the reason means a failure, or if a
    /// call would be lost.
    pub(super) fn end(&mut self) {
        for event in self.surrogates.flush() {
            self.apply(event);
        }
        self.take_other_calls();
        let Some(word) = self.finish_reason.take() else {
            return self.cut("the response ended without a finish reason");
        };
        // The word is parsed before the key is redacted, since the key may be a part of it.
        let finish_reason = FinishReason::parse(&word.to_ascii_lowercase());
        let word = error::redact_key(&word, self.key()).to_ascii_lowercase();
        let finish_reason = finish_reason.unwrap_or_else(|| {
            let word: String = word.chars().take(40).collect();
            warn!(word, "unknown finish reason; the turn counts as complete");
            FinishReason::Complete
        });
        let reason = match finish_reason {
            FinishReason::Failed => return self.cut(&format!("the finish reason of the provider is {word}")),
            FinishReason::ToolCalls if self.calls.is_empty() && self.text.is_empty() => {
                return self.cut("the provider stopped for calls but sent none");
            }
            FinishReason::ToolCalls if self.calls.is_empty() => {
                let (provider, model) = (self.provider, &self.model);
                warn!(provider, model, "the model stopped for calls and made none; its text is the answer");
                StopReason::Complete
            }
            FinishReason::ToolCalls | FinishReason::Complete if self.is_silently_truncated() => {
                StopReason::MaxTokens
            }
            FinishReason::ToolCalls | FinishReason::Complete => StopReason::Complete,
            FinishReason::MaxTokens => StopReason::MaxTokens,
            FinishReason::Filtered => StopReason::Filtered,
        };
        if let Err(cause) = self.calls.finish(reason == StopReason::Complete, &mut self.ready) {
            return self.cut(cause);
        }
        self.end_reasoning();
        self.end_signature();
        self.send_turn_signature();
        self.send_usage();
        self.ready.push_back(Delta::End(reason));
        self.is_over = true;
    }

    /// Returns whether the limit of tokens has cut off a turn that the provider calls complete. llama.cpp's Responses
    /// API has no finish reason for this, and only the token count shows it.
    fn is_silently_truncated(&self) -> bool {
        let written = self.tokens.output.filter(|_| self.wire == Wire::Responses);
        written.zip(self.max_tokens).is_some_and(|(written, limit)| written >= u64::from(limit))
    }

    /// Sends the end of reasoning that got no signature, if its text goes back to the provider in later requests.
    /// Nothing happens if no reasoning is open.
    pub(super) fn end_reasoning(&mut self) {
        if std::mem::take(&mut self.has_reasoned) && self.replays_reasoning {
            self.ready.push_back(Delta::ReasoningEnd);
        }
    }

    /// Sends the signature of the block of reasoning that ends, which came at the block's start, in pieces, or both.
    /// Nothing happens if there is no signature.
    pub(super) fn end_signature(&mut self) {
        let (start, pieces) = std::mem::take(&mut self.signature);
        // Some servers send all of it in both places.
        let signature = if pieces.starts_with(&start) { pieces } else { start + &pieces };
        if !signature.is_empty() {
            self.ready.push_back(Delta::ReasoningSignature(signature));
        }
    }

    /// Sends the opaque value that the provider wants back with the turn, if there is one. A turn without any answer
    /// does not go back, so its value is dropped.
    fn send_turn_signature(&mut self) {
        let opaque = std::mem::take(&mut self.opaque).into_json();
        let late = (!self.late_signatures.is_empty())
            .then(|| Value::from(std::mem::take(&mut self.late_signatures)).to_string());
        let signature = opaque.or(self.text_signature.take()).or(late).filter(|_| self.has_answer);
        self.ready.extend(signature.map(Delta::TurnSignature));
    }

    /// Sends the token counts of the turn, if the provider has reported any.
    fn send_usage(&mut self) {
        let mut tokens = self.tokens;
        if self.wire == Wire::Anthropic {
            // Anthropic does not count cached tokens as input.
            let cached = tokens.cached.unwrap_or(0).saturating_add(tokens.cache_written.unwrap_or(0));
            tokens.input = tokens.input.map(|input| input.saturating_add(cached));
        }
        self.ready.extend(tokens.usage(self.provider, &self.model).map(Delta::Usage));
    }

    /// Fails the turn because the response broke off or can't be read. `cause` describes this for the log. If not a
    /// single frame has come and the response is not an event stream, its media type is added to the cause.
    pub(super) fn cut(&mut self, cause: &str) {
        let kind = self.failure_kind();
        let media_type = self.response.headers().get(header::CONTENT_TYPE);
        let is_unexpected =
            |media_type: &&str| !self.has_begun && !media_type.starts_with("text/event-stream");
        match media_type.and_then(|value| value.to_str().ok()).filter(is_unexpected) {
            Some(media_type) => {
                let media_type = error::redact_key(media_type, self.key());
                let media_type: String = media_type.chars().take(60).collect();
                self.fail(ModelError::new(
                    kind,
                    format!("{cause}; the media type of the response is {media_type}"),
                ));
            }
            None => self.fail(ModelError::new(kind, cause)),
        }
    }

    /// Makes the turn end with this failure, after the deltas that are ready and the tokens counted so far. Nothing
    /// happens if the turn has already failed.
    pub(super) fn fail(&mut self, failure: ModelError) {
        if self.failure.is_none() {
            self.send_usage();
            self.failure = Some(failure);
        }
    }

    /// Returns the kind of failure if the response breaks off now: `StreamCut` after the first frame, `Unavailable`
    /// before.
    pub(super) fn failure_kind(&self) -> ModelErrorKind {
        if self.has_begun { ModelErrorKind::StreamCut } else { ModelErrorKind::Unavailable }
    }

    /// Returns the API key, so that it can be removed from texts for the log; an empty text without a key. The texts
    /// are the finish reason, the media type and the provider's error.
    pub(super) fn key(&self) -> &str {
        self.key.as_ref().map(|key| key.expose_secret().trim()).unwrap_or_default()
    }
}
