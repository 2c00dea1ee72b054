//! How a turn ends: well, behind a reason to stop, or in a failure.

use http::header;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tracing::warn;

use super::Answer;
use crate::model::hosted::error;
use crate::model::hosted::provider::Wire;
use crate::model::hosted::stop::Stop;
use crate::model::{Delta, ModelError, ModelErrorKind, StopReason};

impl Answer {
    pub(super) fn end(&mut self) {
        for said in self.pairs.rest() {
            self.hear(said);
        }
        self.take_other_calls();
        let Some(word) = self.stop.take() else {
            return self.cut("the answer ended without a reason");
        };
        // It is read before the key is taken out of it: a short one may be a part of any word.
        let stop = Stop::of(&word.to_ascii_lowercase());
        let word = error::scrubbed(&word, self.key()).to_ascii_lowercase();
        let stop = stop.unwrap_or_else(|| {
            let word: String = word.chars().take(40).collect();
            warn!(word, "unknown reason to stop, taken for a good one");
            Stop::Complete
        });
        let reason = match stop {
            Stop::Broken => return self.cut(&format!("the provider stopped: {word}")),
            Stop::ForCalls if self.calls.is_none() && self.text.is_none() => {
                return self.cut("the provider stopped for calls, and none came");
            }
            Stop::ForCalls if self.calls.is_none() => {
                let (provider, model) = (self.whose.0, &self.whose.1);
                warn!(provider, model, "the model stopped for calls and made none; its text is the answer");
                StopReason::Complete
            }
            Stop::ForCalls | Stop::Complete if self.is_cut_in_silence() => StopReason::MaxTokens,
            Stop::ForCalls | Stop::Complete => StopReason::Complete,
            Stop::MaxTokens => StopReason::MaxTokens,
            Stop::Filtered => StopReason::Filtered,
        };
        if let Err(fault) = self.calls.finish(reason == StopReason::Complete, &mut self.ready) {
            return self.cut(fault);
        }
        self.end_reasoning();
        self.end_signature();
        self.sign();
        self.count();
        self.ready.push_back(Delta::End(reason));
        self.is_over = true;
    }

    /// Whether the limit of tokens has cut a turn that the provider calls complete: llama.cpp's Responses know no other
    /// word, and tell it by their count alone.
    fn is_cut_in_silence(&self) -> bool {
        let written = self.tokens.output.filter(|_| self.wire == Wire::Responses);
        written.zip(self.max_tokens).is_some_and(|(written, limit)| written >= u64::from(limit))
    }

    /// Ends reasoning that goes back without a signature.
    pub(super) fn end_reasoning(&mut self) {
        if std::mem::take(&mut self.has_reasoned) && self.wants_reasoning {
            self.ready.push_back(Delta::ReasoningEnd);
        }
    }

    /// Sends the signature that came in pieces.
    pub(super) fn end_signature(&mut self) {
        let (start, pieces) = std::mem::take(&mut self.signature);
        // Some tell all of it in both places.
        let signature = if pieces.starts_with(&start) { pieces } else { start + &pieces };
        if !signature.is_empty() {
            self.ready.push_back(Delta::ReasoningSignature(signature));
        }
    }

    /// Sends what the provider wants back with the turn. A turn that holds nothing else is empty, and does not go back.
    fn sign(&mut self) {
        let opaque = std::mem::take(&mut self.opaque).text();
        let late = (!self.late.is_empty()).then(|| Value::from(std::mem::take(&mut self.late)).to_string());
        let signature = opaque.or(self.text_signature.take()).or(late).filter(|_| self.has_answer);
        self.ready.extend(signature.map(Delta::TurnSignature));
    }

    /// Tells the tokens.
    fn count(&mut self) {
        let mut tokens = self.tokens;
        if self.wire == Wire::Anthropic {
            // There what was cached is counted apart.
            let cached = tokens.cached.unwrap_or(0).saturating_add(tokens.cache_written.unwrap_or(0));
            tokens.input = tokens.input.map(|input| input.saturating_add(cached));
        }
        self.ready.extend(tokens.usage(self.whose.0, &self.whose.1).map(Delta::Usage));
    }

    pub(super) fn cut(&mut self, cause: &str) {
        let kind = self.broken();
        let media_type = self.response.headers().get(header::CONTENT_TYPE);
        // Only another one than the wire's says anything.
        let is_telling = |media_type: &&str| !self.has_begun && !media_type.starts_with("text/event-stream");
        match media_type.and_then(|value| value.to_str().ok()).filter(is_telling) {
            Some(media_type) => {
                let media_type = error::scrubbed(media_type, self.key());
                let media_type: String = media_type.chars().take(60).collect();
                self.fail(ModelError::new(kind, format!("{cause}, and is {media_type}")));
            }
            None => self.fail(ModelError::new(kind, cause)),
        }
    }

    /// Ends in the first failure. What was counted by then was used.
    pub(super) fn fail(&mut self, failure: ModelError) {
        if self.failure.is_none() {
            self.count();
            self.failure = Some(failure);
        }
    }

    pub(super) fn broken(&self) -> ModelErrorKind {
        if self.has_begun { ModelErrorKind::StreamCut } else { ModelErrorKind::Unavailable }
    }

    pub(super) fn key(&self) -> &str {
        self.key.as_ref().map(|key| key.expose_secret().trim()).unwrap_or_default()
    }
}
