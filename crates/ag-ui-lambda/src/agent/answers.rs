//! The answers of an input to interrupts, by the calls that they name; and the tool messages that only repeat one.
//!
//! Nothing here is proven: an answer says which call it is for, and whether it counts is judged elsewhere.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json as value};

use super::calls::HistoryCall;
use crate::approval::Proof;
use crate::json;
use crate::protocol::{
    Content, ContentPart, InterruptId, Message, MessageBody, PartKind, ResumeEntry, RunAgentInput, ToolCallId,
};

/// The most answers to one call that are looked at. A person gives one; each costs a signature to check, for each call
/// of that id.
const MAX_ANSWERS: usize = 16;

/// The answers that name a call of the history.
#[derive(Default)]
pub(super) struct Answers<'a> {
    by_call: HashMap<&'a ToolCallId, ToOne<'a>>,
    /// How many answers name none.
    pub(super) ignored: usize,
}

/// The answers to one call.
#[derive(Default)]
struct ToOne<'a> {
    answers: Vec<(Proof, &'a ResumeEntry)>,
    /// What a tool message says that repeats one of them: JSON in canonical form, or the text of an answer that is one.
    echoes: HashSet<Vec<u8>>,
}

impl<'a> Answers<'a> {
    /// Reads the answers. Those to calls that are not in the history are ignored.
    pub(super) fn read(input: &'a RunAgentInput, calls: &[HistoryCall<'a>]) -> Self {
        let mut answers = Self::default();
        if input.resume.is_empty() {
            return answers;
        }
        let ids: HashSet<&ToolCallId> = calls.iter().map(|call| &call.call.id).collect();
        let mut first: HashMap<&InterruptId, &ResumeEntry> = HashMap::new();
        for entry in &input.resume {
            // Said twice is said once; said in two ways is not said at all, since both then count.
            let known = *first.entry(&entry.interrupt_id).or_insert(entry);
            if !std::ptr::eq(known, entry) && known.status == entry.status && known.payload == entry.payload {
                continue;
            }
            let proof = Proof::read(&entry.interrupt_id);
            match proof.and_then(|proof| Some((*ids.get(proof.call_id())?, proof))) {
                Some((id, proof)) => answers.by_call.entry(id).or_default().add(proof, entry),
                None => answers.ignored += 1,
            }
        }
        answers
    }

    /// Whether an answer names the call.
    pub(super) fn name(&self, id: &ToolCallId) -> bool {
        self.by_call.contains_key(id)
    }

    /// The answers that name a call; `None` if there are more than a person gives.
    pub(super) fn to(&self, id: &ToolCallId) -> Option<&[(Proof, &'a ResumeEntry)]> {
        let answers = self.by_call.get(id).map_or(&[][..], |to_one| &to_one.answers);
        (answers.len() <= MAX_ANSWERS).then_some(answers)
    }

    /// Whether a tool message of that call says no more than one of its answers: a front end's echo, which is no result.
    ///
    /// CopilotKit adds such messages by itself, and shows the first tool message of a call as its result.
    pub(super) fn has_echo(&self, id: &ToolCallId, message: &Message) -> bool {
        let (Some(to_one), MessageBody::Tool { content, error: None, .. }) =
            (self.by_call.get(id), &message.body)
        else {
            return false;
        };
        let is_text = |part: &ContentPart| matches!(part.kind, PartKind::Text { .. });
        if matches!(content, Content::Parts(parts) if !parts.iter().all(is_text)) {
            return false;
        }
        let text = content.text();
        to_one.echoes.contains(text.as_bytes())
            || json::read(text.as_bytes())
                .ok()
                .and_then(|value| canonical(&value))
                .is_some_and(|said| to_one.echoes.contains(&said))
    }
}

impl<'a> ToOne<'a> {
    fn add(&mut self, proof: Proof, entry: &'a ResumeEntry) {
        let payload = entry.payload.as_ref().unwrap_or(&Value::Null);
        let status = value!({ "status": entry.status });
        self.echoes.extend([payload, &status].into_iter().filter_map(canonical));
        self.echoes.extend(payload.as_str().map(|text| text.as_bytes().to_vec()));
        self.answers.push((proof, entry));
    }
}

/// JSON in the form of RFC 8785, in which equal values are equal bytes.
fn canonical(value: &Value) -> Option<Vec<u8>> {
    serde_json_canonicalizer::to_vec(value).ok()
}
