//! The transcript itself: its queue of events, and the text and the reasoning of a run.

use std::collections::VecDeque;

use serde_json::Value;

use super::calls::Calls;
use super::client_view::ClientView;
use super::conversation::Conversation;
use super::shared_state::SharedState;
use super::{IdSource, RandomIds};
use crate::protocol::{
    CustomName, Event, EventKind, Interrupt, JsonObject, MessageId, PROTOCOL_VERSION, ReasoningRole, RunId,
    TextRole, ThreadId, TokenUsage, ToolCallId,
};

/// Writes the events of one run in an order that clients accept.
///
/// A server creates it with [`begin`](Self::begin), calls a method for each thing that happens, sends what
/// [`next_event`](Self::next_event) returns, and ends the run with [`finish`](Self::finish), [`cancel`](Self::cancel) or
/// [`fail`](Self::fail), which return the events that are still to be sent. A transcript that is dropped before leaves its
/// client with a stream that breaks off.
///
/// Ids and timestamps come from `I`.
///
/// ```
/// use ag_ui_wire::transcript::{SequentialIds, Transcript};
///
/// let mut run = Transcript::begin("thread-1".into(), "run-1".into(), SequentialIds::default());
/// run.text("It is ");
/// run.text("noon.");
/// let events = run.finish();
/// let types: Vec<&str> = events.iter().map(|event| event.kind.type_name()).collect();
/// assert_eq!(
///     types,
///     [
///         "RUN_STARTED",
///         "TEXT_MESSAGE_START",
///         "TEXT_MESSAGE_CONTENT",
///         "TEXT_MESSAGE_CONTENT",
///         "TEXT_MESSAGE_END",
///         "RUN_FINISHED"
///     ]
/// );
/// ```
#[derive(Debug)]
#[must_use = "a run that is begun must be finished, cancelled or failed"]
pub struct Transcript<I = RandomIds> {
    pub(super) thread_id: ThreadId,
    pub(super) run_id: RunId,
    pub(super) ids: I,
    /// The events that were written and not yet taken.
    queue: VecDeque<Event>,
    /// The text or reasoning message that is being written; there is one at a time.
    pub(super) open_message: Option<OpenMessage>,
    /// The assistant message of the current turn, once an event has named it.
    pub(super) turn_message: Option<MessageId>,
    pub(super) calls: Calls,
    pub(super) state: SharedState,
    pub(super) client_view: ClientView,
    /// The messages as the client holds them, if the run ends with a MESSAGES_SNAPSHOT.
    pub(super) conversation: Option<Conversation>,
    /// The interrupts that the run ends with, each with the call that waits for its answer.
    pub(super) interrupts: Vec<(ToolCallId, Interrupt)>,
    /// The result of the run, if it has one.
    pub(super) result: Option<Value>,
    /// The tokens of the run, one entry for each provider and model.
    pub(super) usage: Vec<TokenUsage>,
    /// Whether the client reads the endings that protocol version 1.0 added.
    knows_1_0: bool,
    /// Whether the client waits for a RUN_FINISHED before it takes its interrupts for answered.
    pub(super) answers_interrupts: bool,
}

/// A message that has been started and not ended.
#[derive(Debug)]
pub(super) enum OpenMessage {
    Text(MessageId),
    Reasoning(MessageId),
}

impl<I: IdSource> Transcript<I> {
    /// Begins a run and queues its RUN_STARTED. `thread_id` and `run_id` are those of the client's input, and `ids` makes
    /// the ids and timestamps of the events.
    pub fn begin(thread_id: ThreadId, run_id: RunId, ids: I) -> Self {
        let mut transcript = Self {
            thread_id: thread_id.clone(),
            run_id: run_id.clone(),
            ids,
            queue: VecDeque::new(),
            open_message: None,
            turn_message: None,
            calls: Calls::default(),
            state: SharedState::default(),
            client_view: ClientView::default(),
            conversation: None,
            interrupts: Vec::new(),
            result: None,
            usage: Vec::new(),
            knows_1_0: true,
            answers_interrupts: false,
        };
        transcript.push(EventKind::RunStarted {
            thread_id,
            run_id,
            protocol_version: Some(PROTOCOL_VERSION.to_owned()),
            parent_run_id: None,
            input: None,
        });
        transcript
    }

    /// Writes only what a client older than 1.0 can read: such a client fails when it reads an outcome or a form of result
    /// that 1.0 added.
    ///
    /// Call this right after [`begin`](Self::begin). Such a client derives the pending tool calls itself, so RUN_FINISHED
    /// does not list them. A cancelled run ends with a RUN_ERROR whose code is the reason, since it must not pass for a
    /// success. A tool result in parts is reduced to its text.
    ///
    /// Source: the schemas of outcomes and results of `@ag-ui/core` 0.0.59, which are closed.
    pub fn for_client_before_1_0(self) -> Self {
        Self { knows_1_0: false, ..self }
    }

    /// Whether the client speaks protocol version 1.0; false after [`for_client_before_1_0`](Self::for_client_before_1_0).
    pub fn knows_1_0(&self) -> bool {
        self.knows_1_0
    }

    /// Declares that the run's input answers interrupts: then a run that fails sends a RUN_FINISHED before its RUN_ERROR.
    ///
    /// Call this right after [`begin`](Self::begin). Both official clients keep an interrupt open until a RUN_FINISHED
    /// comes, and until then they refuse to send anything but an answer to it. Without a RUN_FINISHED a failed run would
    /// end the thread at the client.
    ///
    /// Source: `onInitialize` and the case `RUN_FINISHED` of `defaultApplyEvents`, `@ag-ui/client` 0.0.59 and 1.0.0.
    pub fn answering_interrupts(self) -> Self {
        Self { answers_interrupts: true, ..self }
    }

    /// Starts a turn of the model: text and tool calls that follow belong to a new assistant message.
    ///
    /// The open message is ended. No other event is queued.
    pub fn start_turn(&mut self) {
        self.close_open_message();
        self.turn_message = None;
    }

    /// Appends to the assistant's text: TEXT_MESSAGE_CONTENT.
    ///
    /// If no text message is open, the open reasoning is ended and TEXT_MESSAGE_START comes first. The next call of a
    /// method that ends the open message ends this one. An empty `delta` queues nothing.
    pub fn text(&mut self, delta: &str) {
        if delta.is_empty() {
            return;
        }
        let message_id = match &self.open_message {
            Some(OpenMessage::Text(id)) => id.clone(),
            _ => self.open_text(),
        };
        self.push(EventKind::TextMessageContent { message_id, delta: delta.to_owned() });
    }

    /// Appends to the model's reasoning: REASONING_MESSAGE_CONTENT.
    ///
    /// If no reasoning is open, the open text message is ended and REASONING_START and REASONING_MESSAGE_START come first.
    /// The next call of a method that ends the open message ends this one. An empty `delta` queues nothing.
    pub fn reasoning(&mut self, delta: &str) {
        if delta.is_empty() {
            return;
        }
        let message_id = match &self.open_message {
            Some(OpenMessage::Reasoning(id)) => id.clone(),
            _ => self.open_reasoning(),
        };
        self.push(EventKind::ReasoningMessageContent { message_id, delta: delta.to_owned() });
    }

    /// Sends an application's own event: CUSTOM. It may come at any time, and does not end the open message.
    pub fn custom(&mut self, name: &CustomName, value: Value) {
        self.push(EventKind::Custom { name: name.as_str().to_owned(), value });
    }

    /// Adds the tokens that a model call has used. The event that ends the run reports the sums, one entry for each
    /// provider and model.
    pub fn add_usage(&mut self, used: &TokenUsage) {
        let same = |entry: &&mut TokenUsage| entry.provider == used.provider && entry.model == used.model;
        match self.usage.iter_mut().find(same) {
            Some(entry) => entry.add(used),
            None => self.usage.push(used.clone()),
        }
    }

    /// Returns the number of tokens that the run has used so far, with all models. The agent compares this number with
    /// its limit before each turn of the model.
    pub fn total_tokens(&self) -> u64 {
        self.usage.iter().map(TokenUsage::total).fold(0, u64::saturating_add)
    }

    /// Whether [`next_event`](Self::next_event) has an event to return.
    pub fn has_event(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Removes and returns the oldest queued event, to be sent to the client; `None` if the queue is empty.
    pub fn next_event(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// Returns the events that are still to be sent, when the run has ended.
    pub(super) fn into_events(self) -> VecDeque<Event> {
        self.queue
    }

    /// Ends the open text or reasoning message; does nothing if no message is open.
    pub(super) fn close_open_message(&mut self) {
        match self.open_message.take() {
            None => {}
            Some(OpenMessage::Text(message_id)) => self.push(EventKind::TextMessageEnd { message_id }),
            Some(OpenMessage::Reasoning(message_id)) => {
                self.push(EventKind::ReasoningMessageEnd { message_id: message_id.clone() });
                self.push(EventKind::ReasoningEnd { message_id });
            }
        }
    }

    /// Ends the open message, starts a text message and returns the id of the text message.
    ///
    /// The first text message of a turn becomes the turn's message, unless a tool call has created the turn's message
    /// before. A later text message is a message of its own, since clients count it as a fault if a message is started
    /// twice.
    fn open_text(&mut self) -> MessageId {
        self.close_open_message();
        let message_id = self.ids.next_message_id();
        self.turn_message.get_or_insert_with(|| message_id.clone());
        self.push(EventKind::TextMessageStart {
            message_id: message_id.clone(),
            role: Some(TextRole::Assistant),
            name: None,
        });
        self.open_message = Some(OpenMessage::Text(message_id.clone()));
        message_id
    }

    /// Ends the open message, and begins reasoning: queues REASONING_START and REASONING_MESSAGE_START. Both events
    /// have the same new id, and this id is returned.
    pub(super) fn open_reasoning(&mut self) -> MessageId {
        self.close_open_message();
        let message_id = self.ids.next_message_id();
        self.push(EventKind::ReasoningStart { message_id: message_id.clone() });
        self.push(EventKind::ReasoningMessageStart {
            message_id: message_id.clone(),
            role: ReasoningRole::Reasoning,
        });
        self.open_message = Some(OpenMessage::Reasoning(message_id.clone()));
        message_id
    }

    /// Queues an event with the current time and without metadata.
    pub(super) fn push(&mut self, kind: EventKind) {
        self.push_with(kind, None);
    }

    /// Queues an event with the current time. If the run keeps the client's messages for a MESSAGES_SNAPSHOT, the event is
    /// applied to them.
    pub(super) fn push_with(&mut self, kind: EventKind, metadata: Option<JsonObject>) {
        let event = Event { timestamp: Some(self.ids.now_ms()), metadata, ..Event::from(kind) };
        if let Some(conversation) = &mut self.conversation {
            conversation.apply(&event);
        }
        self.queue.push_back(event);
    }
}
