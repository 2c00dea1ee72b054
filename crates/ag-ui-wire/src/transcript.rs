//! The only producer of events: a run told in verbs, in an order that clients accept.
//!
//! A client fails a run whose events are out of order, and takes a stream that just stops for a success. So a server makes
//! its events here and nowhere else, and this module has no `push(Event)`. What the type system can
//! say it says; what it can't, the transcript closes by itself.
//!
//! A run that has ended cannot go on:
//! ```compile_fail,E0382
//! use ag_ui_wire::transcript::{Counting, Transcript};
//! let mut run = Transcript::begin("t".into(), "r".into(), Counting::default());
//! run.finish();
//! run.text("too late");
//! ```
//! A call whose arguments still stream cannot be answered:
//! ```compile_fail,E0308
//! use ag_ui_wire::transcript::{Counting, Transcript};
//! let mut run = Transcript::begin("t".into(), "r".into(), Counting::default());
//! let open = run.tool_call("c".into(), "clock");
//! run.tool_result(open, "noon");
//! ```
//! Nor can a call be answered twice:
//! ```compile_fail,E0382
//! use ag_ui_wire::transcript::{Counting, Transcript};
//! let mut run = Transcript::begin("t".into(), "r".into(), Counting::default());
//! let open = run.tool_call("c".into(), "clock");
//! let closed = run.end_call(open);
//! run.tool_result(closed, "noon");
//! run.tool_result(closed, "midnight");
//! ```

mod calls;
mod messages;
mod partial_json;
mod shared_state;
mod shown;
mod stamps;

use std::collections::VecDeque;

use serde_json::json;
use tracing::warn;

use crate::protocol::{
    Content, EncryptedSubtype, Event, EventKind, Interrupt, JsonObject, MessageId, PROTOCOL_VERSION,
    PartKind, ReasoningRole, RunId, RunOutcome, TextRole, ThreadId, TokenUsage, ToolCall, ToolCallId,
    ToolRole,
};
use calls::Calls;
pub use calls::{ClosedCall, OpenCall, UnfinishedCall};
use messages::Conversation;
use shared_state::SharedState;
use shown::Shown;
pub use shown::{Activity, OpenStep};
pub use stamps::{Clock, Counting, Stamps};

/// What a client reads as the result of a call that nobody answered.
pub const UNANSWERED: &str = r#"{"error":"The run ended before this tool finished."}"#;

/// What a client before 1.0 reads of a run that was stopped on purpose.
const STOPPED: &str = "The run was stopped before it was complete.";

/// The events of one run, in order, waiting to be sent.
#[derive(Debug)]
#[must_use = "a run that is begun must be finished or failed"]
pub struct Transcript<S = Clock> {
    thread_id: ThreadId,
    run_id: RunId,
    stamps: S,
    /// Made and not yet taken.
    waiting: VecDeque<Event>,
    /// Text or reasoning that is being written; at most one thing at a time.
    speaking: Option<Speaking>,
    /// The assistant message of the current turn, once something has named it.
    turn: Option<MessageId>,
    calls: Calls,
    state: SharedState,
    shown: Shown,
    /// What the client holds, where it is to be told.
    conversation: Option<Conversation>,
    /// What the run asks, with the call that waits for the answer.
    interrupts: Vec<(ToolCallId, Interrupt)>,
    usage: Vec<TokenUsage>,
    /// Whether the client reads the endings that 1.0 brought.
    knows_1_0: bool,
    /// Whether the client waits for a RUN_FINISHED to know that its answers were taken.
    answers_interrupts: bool,
}

#[derive(Debug)]
enum Speaking {
    Text(MessageId),
    Reasoning(MessageId),
}

/// Why a run failed, as its user may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunError {
    /// A stable code, such as `MODEL_THROTTLED`.
    pub code: &'static str,
    /// A fixed sentence.
    pub message: &'static str,
}

impl<S: Stamps> Transcript<S> {
    /// Opens a run: RUN_STARTED.
    pub fn begin(thread_id: ThreadId, run_id: RunId, stamps: S) -> Self {
        let mut transcript = Self {
            thread_id: thread_id.clone(),
            run_id: run_id.clone(),
            stamps,
            waiting: VecDeque::new(),
            speaking: None,
            turn: None,
            calls: Calls::default(),
            state: SharedState::default(),
            shown: Shown::default(),
            conversation: None,
            interrupts: Vec::new(),
            usage: Vec::new(),
            knows_1_0: true,
            answers_interrupts: false,
        };
        transcript.put(EventKind::RunStarted {
            thread_id,
            run_id,
            protocol_version: Some(PROTOCOL_VERSION.to_owned()),
            parent_run_id: None,
            input: None,
        });
        transcript
    }

    /// Tells the run to a client older than 1.0, which fails on endings that it does not know.
    ///
    /// Such a client derives the pending calls itself, so success does not list them; a run that was cancelled is a
    /// RUN_ERROR with the reason as its code, since it must not pass for a success; and of a result it gets the text.
    ///
    /// Source: the schemas of outcomes and results of `@ag-ui/core` 0.0.59, which are closed.
    pub fn for_client_before_1_0(self) -> Self {
        Self { knows_1_0: false, ..self }
    }

    /// Whether the client knows the shapes of 1.0.
    pub fn knows_1_0(&self) -> bool {
        self.knows_1_0
    }

    /// The run answers interrupts, so it has a RUN_FINISHED however it ends: a failure is a RUN_ERROR behind it.
    ///
    /// Both official clients keep an interrupt open until a RUN_FINISHED comes, and until then refuse to send anything
    /// but an answer to it. A failed run without one would end the thread at the client.
    ///
    /// Source: `onInitialize` and the case `RUN_FINISHED` of `defaultApplyEvents`, `@ag-ui/client` 0.0.59 and 1.0.0.
    pub fn answering_interrupts(self) -> Self {
        Self { answers_interrupts: true, ..self }
    }

    /// Says that a call id is taken by the history, so that no new call gets it.
    pub fn reserve_call(&mut self, id: ToolCallId) {
        self.calls.reserve(id);
    }

    /// Takes up a call of an earlier run, which this one answers or asks about again. Its START, ARGS and END have been
    /// told and are not told again.
    pub fn earlier_call(&mut self, call: &ToolCall) -> ClosedCall {
        let (id, name) = (call.id.clone(), &call.function.name);
        self.calls.take_up(id.clone(), name, &call.function.arguments);
        self.resume_prediction(&id, name);
        ClosedCall { id }
    }

    /// Starts a turn of the model: what follows belongs to a new assistant message.
    pub fn turn(&mut self) {
        self.hush();
        self.turn = None;
    }

    /// Appends to the answer; opens a message if none is open. An empty delta says nothing.
    pub fn text(&mut self, delta: &str) {
        if delta.is_empty() {
            return;
        }
        let message_id = match &self.speaking {
            Some(Speaking::Text(id)) => id.clone(),
            _ => self.open_text(),
        };
        self.put(EventKind::TextMessageContent { message_id, delta: delta.to_owned() });
    }

    /// Appends to the model's reasoning; opens a span if none is open. An empty delta says nothing.
    pub fn reasoning(&mut self, delta: &str) {
        if delta.is_empty() {
            return;
        }
        let message_id = match &self.speaking {
            Some(Speaking::Reasoning(id)) => id.clone(),
            _ => self.open_reasoning(),
        };
        self.put(EventKind::ReasoningMessageContent { message_id, delta: delta.to_owned() });
    }

    /// Hands the client what the provider wants back with the reasoning before it, and ends that reasoning.
    ///
    /// `value` is opaque to the client, which stores it on the reasoning message. Without reasoning before it
    /// the message is empty.
    pub fn sign_reasoning(&mut self, value: &str) {
        if !matches!(self.speaking, Some(Speaking::Reasoning(_))) {
            self.open_reasoning();
        }
        let Some(Speaking::Reasoning(message_id)) = self.speaking.take() else { return };
        self.put(EventKind::ReasoningMessageEnd { message_id: message_id.clone() });
        self.put(EventKind::ReasoningEncryptedValue {
            subtype: EncryptedSubtype::Message,
            entity_id: message_id.as_str().to_owned(),
            encrypted_value: value.to_owned(),
        });
        self.put(EventKind::ReasoningEnd { message_id });
    }

    /// Hands the client reasoning that only its provider can read: a reasoning message without text.
    pub fn hidden_reasoning(&mut self, value: &str) {
        self.hush();
        self.sign_reasoning(value);
    }

    /// Hands the client what the provider wants back with a call. The client stores it on the call.
    pub fn sign_call(&mut self, call: &OpenCall, value: &str) {
        self.put(EventKind::ReasoningEncryptedValue {
            subtype: EncryptedSubtype::ToolCall,
            entity_id: call.id.as_str().to_owned(),
            encrypted_value: value.to_owned(),
        });
    }

    /// Hands the client what the provider wants back with the whole turn. The client stores it on the call of this id, or
    /// else on the turn's message; `value` is then all that is stored there.
    pub fn sign_turn(&mut self, call: Option<&ToolCallId>, value: &str) {
        self.hush();
        let (subtype, entity_id) = match (call, &self.turn) {
            (Some(call), _) => (EncryptedSubtype::ToolCall, call.as_str().to_owned()),
            (None, Some(message)) => (EncryptedSubtype::Message, message.as_str().to_owned()),
            (None, None) => return,
        };
        self.put(EventKind::ReasoningEncryptedValue {
            subtype,
            entity_id,
            encrypted_value: value.to_owned(),
        });
    }

    /// Opens a call of the current turn.
    ///
    /// An id that the thread has already used is replaced; [`OpenCall::id`] is the one that counts.
    pub fn tool_call(&mut self, id: ToolCallId, name: &str) -> OpenCall {
        self.hush();
        let parent = self.turn.get_or_insert_with(|| self.stamps.message_id()).clone();
        let id = if self.calls.is_taken(&id) { self.stamps.tool_call_id() } else { id };
        let call = self.calls.open(id.clone(), name);
        self.begin_prediction(&id, name);
        self.put(EventKind::ToolCallStart {
            tool_call_id: id,
            tool_call_name: name.to_owned(),
            parent_message_id: Some(parent),
        });
        call
    }

    /// Appends to a call's arguments. An empty delta says nothing.
    pub fn tool_args(&mut self, call: &OpenCall, delta: &str) {
        if delta.is_empty() {
            return;
        }
        self.calls.add_arguments(&call.id, delta);
        self.put(EventKind::ToolCallArgs { tool_call_id: call.id.clone(), delta: delta.to_owned() });
        self.continue_prediction(&call.id, delta);
    }

    /// Says that a call's arguments are complete; none at all become `{}`, since clients parse them.
    pub fn end_call(&mut self, call: OpenCall) -> ClosedCall {
        if !self.calls.has_arguments(&call.id) {
            self.tool_args(&call, "{}");
        }
        self.complete_prediction(&call.id);
        self.calls.close(&call.id);
        self.put(EventKind::ToolCallEnd { tool_call_id: call.id.clone() });
        ClosedCall { id: call.id }
    }

    /// Answers a call.
    pub fn tool_result(&mut self, call: ClosedCall, content: impl Into<Content>) {
        self.tool_result_with(call, content, None);
    }

    /// Answers a call, with metadata that the client keeps in the tool message.
    pub fn tool_result_with(
        &mut self,
        call: ClosedCall,
        content: impl Into<Content>,
        metadata: Option<JsonObject>,
    ) {
        self.hush();
        self.answer(call.id, content.into(), metadata);
    }

    /// What this client gets of a result: all of it, or before 1.0 its text.
    pub fn readable(&self, content: Content) -> Content {
        if self.knows_1_0 { content } else { Content::Text(text_of(&content)) }
    }

    /// Leaves a call to the client: it goes to `pendingToolCallIds` if the run ends in success.
    pub fn left_to_client(&mut self, call: ClosedCall) {
        self.leave_prediction(&call.id);
        self.calls.leave(&call.id);
    }

    /// Leaves a call to a person: it is answered in a later run, and this one ends with the interrupt.
    pub fn ask(&mut self, call: ClosedCall, interrupt: Interrupt) {
        self.calls.ask(&call.id);
        self.interrupts.push((call.id, interrupt));
    }

    /// Whether the run waits for a person.
    pub fn is_asking(&self) -> bool {
        !self.interrupts.is_empty()
    }

    /// Counts tokens that a turn used; they are reported when the run ends.
    pub fn usage(&mut self, used: &TokenUsage) {
        let same = |entry: &&mut TokenUsage| entry.provider == used.provider && entry.model == used.model;
        match self.usage.iter_mut().find(same) {
            Some(entry) => entry.add(used),
            None => self.usage.push(used.clone()),
        }
    }

    /// Tokens counted so far, of all models.
    pub fn tokens(&self) -> u64 {
        self.usage.iter().map(TokenUsage::total).fold(0, u64::saturating_add)
    }

    /// Whether an event waits to be sent.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes the next event to send.
    pub fn next_event(&mut self) -> Option<Event> {
        self.waiting.pop_front()
    }

    /// Ends the run: RUN_FINISHED, with interrupts if it asks something, else in success with the calls that wait for
    /// the client. Returns what is unsent.
    ///
    /// Beside interrupts the client derives the calls that wait for it, as the protocol has it.
    pub fn finish(mut self) -> VecDeque<Event> {
        self.close_open();
        self.answer_all(self.calls.unanswered_by_server());
        if self.is_asking() {
            let mut asked = std::mem::take(&mut self.interrupts);
            let order = self.calls.asked();
            asked.sort_by_key(|(call, _)| order.iter().position(|id| id == call));
            let interrupts = asked.into_iter().map(|(_, interrupt)| interrupt).collect();
            return self.end_finished(RunOutcome::Interrupt { interrupts }, None);
        }
        let pending_tool_call_ids = self.pending_calls();
        self.end_finished(RunOutcome::Success { pending_tool_call_ids }, None)
    }

    /// Ends the run on purpose: RUN_FINISHED, cancelled, with `{"ag_ui_lambda": {"reason": reason}}` as its metadata. Returns
    /// what is unsent.
    pub fn cancel(mut self, reason: &'static str) -> VecDeque<Event> {
        self.settle();
        let metadata = JsonObject::from_iter([("ag_ui_lambda".into(), json!({ "reason": reason }))]);
        if self.knows_1_0 {
            self.end_finished(RunOutcome::Cancelled, Some(metadata))
        } else {
            self.end_failed(RunError { code: reason, message: STOPPED }, Some(metadata))
        }
    }

    /// Ends the run in failure: what is open is closed and answered, then RUN_ERROR. Returns what is unsent.
    pub fn fail(mut self, error: RunError) -> VecDeque<Event> {
        self.settle();
        self.end_failed(error, None)
    }

    /// Closes what is open and takes the calls that have no result and that this run leaves to nobody: what was asked,
    /// too, since a run that is cancelled or fails does not end with its interrupts.
    ///
    /// For whoever signs their results: [`cancel`](Self::cancel) and [`fail`](Self::fail) answer those that are left.
    pub fn take_unfinished(&mut self) -> Vec<UnfinishedCall> {
        self.close_open();
        self.interrupts.clear();
        self.calls.unfinished()
    }

    fn end_finished(mut self, outcome: RunOutcome, metadata: Option<JsonObject>) -> VecDeque<Event> {
        self.restate();
        self.finished(outcome, metadata);
        self.waiting
    }

    fn end_failed(mut self, error: RunError, metadata: Option<JsonObject>) -> VecDeque<Event> {
        self.restate();
        if self.answers_interrupts {
            let success = RunOutcome::Success { pending_tool_call_ids: self.pending_calls() };
            self.finished(success, None);
        }
        let kind = EventKind::RunError {
            message: error.message.into(),
            code: Some(error.code.into()),
            usage: std::mem::take(&mut self.usage),
        };
        self.put_with(kind, metadata);
        self.waiting
    }

    fn finished(&mut self, outcome: RunOutcome, metadata: Option<JsonObject>) {
        let kind = EventKind::RunFinished {
            thread_id: self.thread_id.clone(),
            run_id: self.run_id.clone(),
            result: None,
            outcome: Some(outcome),
            usage: std::mem::take(&mut self.usage),
        };
        self.put_with(kind, metadata);
    }

    /// The calls of this run that wait for the client, which a client before 1.0 derives by itself.
    fn pending_calls(&self) -> Vec<ToolCallId> {
        if self.knows_1_0 { self.calls.left() } else { Vec::new() }
    }

    /// Closes what is open and answers what no one else will. What was asked is taken back: its answer would find
    /// nobody, since the run does not end with the interrupt.
    fn settle(&mut self) {
        self.close_open();
        self.interrupts.clear();
        self.answer_all(self.calls.unanswered_by_server());
        self.answer_all(self.calls.asked());
        self.settle_predictions();
    }

    fn answer_all(&mut self, calls: Vec<ToolCallId>) {
        for id in calls {
            self.answer(id, UNANSWERED.into(), None);
        }
    }

    fn close_open(&mut self) {
        self.hush();
        self.close_steps();
        for call in self.calls.forgotten() {
            let _unanswered = self.end_call(call);
        }
    }

    /// Closes the text or the reasoning that is being written.
    fn hush(&mut self) {
        match self.speaking.take() {
            None => {}
            Some(Speaking::Text(message_id)) => self.put(EventKind::TextMessageEnd { message_id }),
            Some(Speaking::Reasoning(message_id)) => {
                self.put(EventKind::ReasoningMessageEnd { message_id: message_id.clone() });
                self.put(EventKind::ReasoningEnd { message_id });
            }
        }
    }

    /// Opens the turn's message, or a new one where the turn has already said or called something: a message
    /// is never opened twice, since clients count that as a fault.
    fn open_text(&mut self) -> MessageId {
        self.hush();
        let message_id = self.stamps.message_id();
        self.turn.get_or_insert_with(|| message_id.clone());
        self.put(EventKind::TextMessageStart {
            message_id: message_id.clone(),
            role: Some(TextRole::Assistant),
            name: None,
        });
        self.speaking = Some(Speaking::Text(message_id.clone()));
        message_id
    }

    fn open_reasoning(&mut self) -> MessageId {
        self.hush();
        let message_id = self.stamps.message_id();
        self.put(EventKind::ReasoningStart { message_id: message_id.clone() });
        self.put(EventKind::ReasoningMessageStart {
            message_id: message_id.clone(),
            role: ReasoningRole::Reasoning,
        });
        self.speaking = Some(Speaking::Reasoning(message_id.clone()));
        message_id
    }

    fn answer(&mut self, id: ToolCallId, content: Content, metadata: Option<JsonObject>) {
        self.calls.answer(&id);
        self.settle_prediction(&id);
        let kind = EventKind::ToolCallResult {
            message_id: self.stamps.message_id(),
            tool_call_id: id,
            content: self.readable(content),
            role: Some(ToolRole::Tool),
        };
        self.put_with(kind, metadata);
    }

    fn put(&mut self, kind: EventKind) {
        self.put_with(kind, None);
    }

    fn put_with(&mut self, kind: EventKind, metadata: Option<JsonObject>) {
        let event = Event { timestamp: Some(self.stamps.now_ms()), metadata, ..Event::from(kind) };
        if let Some(conversation) = &mut self.conversation {
            conversation.see(&event);
        }
        self.waiting.push_back(event);
    }
}

/// The text of a result, for a client that reads nothing else of it.
fn text_of(content: &Content) -> String {
    if let Content::Parts(parts) = content {
        let others = parts.iter().filter(|part| !matches!(part.kind, PartKind::Text { .. })).count();
        if others > 0 {
            warn!(others, "parts of a result left out for a client before 1.0");
        }
    }
    content.text()
}
