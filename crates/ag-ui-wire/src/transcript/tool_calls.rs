//! Tool calls: their arguments, their results, and who answers them.

use tracing::warn;

use super::IdSource;
use super::calls::{ClosedCall, OpenCall};
use super::writer::Transcript;
use crate::protocol::{Content, EventKind, Interrupt, JsonObject, PartKind, ToolCall, ToolCallId, ToolRole};

impl<I: IdSource> Transcript<I> {
    /// Records the id of a call in the thread's history, so that [`tool_call`](Self::tool_call) does not give it to a new
    /// call. It queues no event.
    pub fn reserve_call_id(&mut self, id: ToolCallId) {
        self.calls.reserve(id);
    }

    /// Resumes a call of an earlier run that has no result yet, so that this run can send its result, defer it to the
    /// client or interrupt for it again.
    ///
    /// It queues no event: the client has the start, the arguments and the end of the call from the earlier run.
    pub fn resume_call(&mut self, call: &ToolCall) -> ClosedCall {
        let (id, name) = (call.id.clone(), &call.function.name);
        self.calls.resume(id.clone(), name, &call.function.arguments);
        self.resume_prediction(&id, name);
        ClosedCall { id }
    }

    /// Starts a tool call of the current turn: TOOL_CALL_START. The open message is ended first.
    ///
    /// Several calls may be open at the same time. If the thread has already used `id`, the call gets a new id;
    /// [`OpenCall::id`] returns the id under which the client knows the call.
    pub fn tool_call(&mut self, id: ToolCallId, name: &str) -> OpenCall {
        self.close_open_message();
        let parent = self.turn_message.get_or_insert_with(|| self.ids.next_message_id()).clone();
        let id = if self.calls.is_taken(&id) { self.ids.next_tool_call_id() } else { id };
        let call = self.calls.open(id.clone(), name);
        self.begin_prediction(&id, name);
        self.push(EventKind::ToolCallStart {
            tool_call_id: id,
            tool_call_name: name.to_owned(),
            parent_message_id: Some(parent),
        });
        call
    }

    /// Appends to the arguments of a call, which are JSON text: TOOL_CALL_ARGS.
    ///
    /// If the arguments predict members of the state, the new prediction is sent too. An empty `delta` queues nothing.
    pub fn tool_args(&mut self, call: &OpenCall, delta: &str) {
        if delta.is_empty() {
            return;
        }
        self.calls.add_arguments(&call.id, delta);
        self.push(EventKind::ToolCallArgs { tool_call_id: call.id.clone(), delta: delta.to_owned() });
        self.continue_prediction(&call.id, delta);
    }

    /// Ends the arguments of a call: TOOL_CALL_END.
    ///
    /// If no arguments were streamed, `{}` is sent first, since clients parse the arguments.
    pub fn end_call(&mut self, call: OpenCall) -> ClosedCall {
        if !self.calls.has_arguments(&call.id) {
            self.tool_args(&call, "{}");
        }
        self.complete_prediction(&call.id);
        self.calls.close(&call.id);
        self.push(EventKind::ToolCallEnd { tool_call_id: call.id.clone() });
        ClosedCall { id: call.id }
    }

    /// Sends the result of a call: TOOL_CALL_RESULT. The open message is ended first.
    ///
    /// Before the result, predictions from the call are withdrawn: the run sends its own state, in which only the
    /// predictions from other calls are left. It sends nothing if it knows that the client's copy is already the same.
    pub fn tool_result(&mut self, call: ClosedCall, content: impl Into<Content>) {
        self.tool_result_with(call, content, None);
    }

    /// Sends the result of a call as [`tool_result`](Self::tool_result) does, with metadata that the client keeps in the
    /// tool message.
    pub fn tool_result_with(
        &mut self,
        call: ClosedCall,
        content: impl Into<Content>,
        metadata: Option<JsonObject>,
    ) {
        self.close_open_message();
        self.push_result(call.id, content.into(), metadata);
    }

    /// Reduces a result to what the client of this run reads: to its text for a client before 1.0; unchanged for any other.
    ///
    /// [`tool_result`](Self::tool_result) does this itself. Code that signs results calls this method to know beforehand
    /// what the client will hold.
    pub fn downgrade(&self, content: Content) -> Content {
        if self.knows_1_0() { content } else { Content::Text(text_of(&content)) }
    }

    /// Leaves a call to the client, which runs its tool. `pendingToolCallIds` of a successful RUN_FINISHED names the call.
    ///
    /// It queues no event, and predictions from the call stay.
    pub fn defer_to_client(&mut self, call: ClosedCall) {
        self.keep_prediction(&call.id);
        self.calls.defer(&call.id);
    }

    /// Leaves a call to a person: [`finish`](Self::finish) ends this run with `interrupt`, and a later run, which gets the
    /// answer, sends the call's result. It queues no event.
    pub fn interrupt(&mut self, call: ClosedCall, interrupt: Interrupt) {
        self.calls.interrupt(&call.id);
        self.interrupts.push((call.id, interrupt));
    }

    /// Whether [`interrupt`](Self::interrupt) was called, so that [`finish`](Self::finish) would end the run with
    /// interrupts.
    pub fn is_interrupted(&self) -> bool {
        !self.interrupts.is_empty()
    }

    /// Queues the result of a call, after withdrawing the predictions from the call.
    pub(super) fn push_result(&mut self, id: ToolCallId, content: Content, metadata: Option<JsonObject>) {
        self.calls.remove(&id);
        self.withdraw_prediction(&id);
        let kind = EventKind::ToolCallResult {
            message_id: self.ids.next_message_id(),
            tool_call_id: id,
            content: self.downgrade(content),
            role: Some(ToolRole::Tool),
        };
        self.push_with(kind, metadata);
    }
}

/// Reduces a tool result to its text, for a client before 1.0. Other parts are left out, with a warning in the log.
fn text_of(content: &Content) -> String {
    if let Content::Parts(parts) = content {
        let others = parts.iter().filter(|part| !matches!(part.kind, PartKind::Text { .. })).count();
        if others > 0 {
            warn!(others, "parts of a result left out for a client before 1.0");
        }
    }
    content.text()
}
