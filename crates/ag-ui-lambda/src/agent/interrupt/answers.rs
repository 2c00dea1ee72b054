//! The answers of an input to interrupts, by the calls that they name, and the tool messages that only repeat an answer.
//!
//! Nothing here is verified: an answer names a call, and `judge` decides whether it counts.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json as value};

use crate::agent::run::history::calls::HistoryCall;
use crate::approval::InterruptToken;
use crate::json;
use crate::protocol::{
    Content, ContentPart, InterruptId, Message, MessageBody, PartKind, ResumeEntry, RunAgentInput, ToolCallId,
};

/// The largest number of answers to one call that are verified. A person gives one, and each costs the check of a signature for
/// each call with that id.
const MAX_ANSWERS: usize = 16;

/// The largest number of JSON values of a tool message that is compared with an answer.
const MAX_ECHO_VALUES: usize = 100_000;

/// The answers that name a call of the history.
#[derive(Default)]
pub(super) struct Answers<'a> {
    by_call: HashMap<&'a ToolCallId, CallAnswers<'a>>,
    /// How many answers name no call of the history.
    pub(super) ignored: usize,
}

/// The answers that name one call.
#[derive(Default)]
struct CallAnswers<'a> {
    entries: Vec<(InterruptToken, &'a ResumeEntry)>,
    /// The contents of tool messages that only repeat one of the answers: JSON in canonical form, or the text of an answer
    /// that is a string.
    echoes: HashSet<Vec<u8>>,
}

impl<'a> Answers<'a> {
    /// Collects the answers in `resume` of the input by the call that each answers. `calls` are the calls of the
    /// history; an answer to any other call is only counted in `ignored`. An answer that is repeated unchanged counts
    /// once. `Judge::new` calls it.
    pub(super) fn read(input: &'a RunAgentInput, calls: &[HistoryCall<'a>]) -> Self {
        let mut answers = Self::default();
        if input.resume.is_empty() {
            return answers;
        }
        let ids: HashSet<&ToolCallId> = calls.iter().map(|call| &call.call.id).collect();
        let mut first: HashMap<&InterruptId, &ResumeEntry> = HashMap::new();
        for entry in &input.resume {
            // An answer that is repeated counts once. Two different answers to one interrupt both count, so that neither decides.
            let known = *first.entry(&entry.interrupt_id).or_insert(entry);
            if !std::ptr::eq(known, entry) && known.status == entry.status && known.payload == entry.payload {
                continue;
            }
            let token = InterruptToken::parse(&entry.interrupt_id);
            match token.and_then(|token| Some((*ids.get(token.call_id())?, token))) {
                Some((id, token)) => answers.by_call.entry(id).or_default().add(token, entry),
                None => answers.ignored += 1,
            }
        }
        answers
    }

    /// Whether `resume` holds an answer to the call with this id. The answer is not verified.
    pub(super) fn has_answer(&self, id: &ToolCallId) -> bool {
        self.by_call.contains_key(id)
    }

    /// Returns the answers to the call with this id, each with its token, which is not verified. The slice is empty if
    /// there is no answer; `None` if there are more than [`MAX_ANSWERS`]. This method is called when the tokens of the
    /// answers to a call are verified.
    pub(super) fn for_call(&self, id: &ToolCallId) -> Option<&[(InterruptToken, &'a ResumeEntry)]> {
        let entries = self.by_call.get(id).map_or(&[][..], |answers| &answers.entries);
        (entries.len() <= MAX_ANSWERS).then_some(entries)
    }

    /// Whether a tool message of the call with this id only repeats the content of one of the call's answers, so that
    /// the message is not a result.
    ///
    /// CopilotKit adds such a message for an answer, and shows the first tool message of a call as the result of the
    /// call.
    pub(super) fn has_echo(&self, id: &ToolCallId, message: &Message) -> bool {
        let (Some(answers), MessageBody::Tool { content, error: None, .. }) =
            (self.by_call.get(id), &message.body)
        else {
            return false;
        };
        let is_text = |part: &ContentPart| matches!(part.kind, PartKind::Text { .. });
        if matches!(content, Content::Parts(parts) if !parts.iter().all(is_text)) {
            return false;
        }
        let text = content.text();
        answers.echoes.contains(text.as_bytes())
            || json::read_limited(text.as_bytes(), MAX_ECHO_VALUES)
                .ok()
                .and_then(|value| canonical_json(&value))
                .is_some_and(|canonical| answers.echoes.contains(&canonical))
    }
}

impl<'a> CallAnswers<'a> {
    /// Adds an answer. Also notes which contents of a tool message only repeat this answer, for [`Answers::has_echo`].
    fn add(&mut self, token: InterruptToken, entry: &'a ResumeEntry) {
        let payload = entry.payload.as_ref().unwrap_or(&Value::Null);
        let status = value!({ "status": entry.status });
        self.echoes.extend([payload, &status].into_iter().filter_map(canonical_json));
        self.echoes.extend(payload.as_str().map(|text| text.as_bytes().to_vec()));
        self.entries.push((token, entry));
    }
}

/// Encodes a value as canonical JSON by RFC 8785, so that equal values give equal bytes; `None` if the encoding fails.
/// Answers and the tool messages that may repeat them are compared in this form.
fn canonical_json(value: &Value) -> Option<Vec<u8>> {
    serde_json_canonicalizer::to_vec(value).ok()
}
