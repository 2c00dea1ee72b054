//! The messages of the thread, sent complete: MESSAGES_SNAPSHOT.

use super::IdSource;
use super::conversation::Conversation;
use super::writer::Transcript;
use crate::protocol::{EventKind, JsonText};

impl<I: IdSource> Transcript<I> {
    /// Makes the run send all messages of the thread right before the event that ends it: MESSAGES_SNAPSHOT. `messages` are
    /// those that the client has sent; the messages of the run are added.
    ///
    /// Call this right after [`begin`](Self::begin). If there are no messages at all, no snapshot is sent.
    pub fn with_messages_snapshot(mut self, messages: impl IntoIterator<Item = impl Into<JsonText>>) -> Self {
        self.conversation = Some(Conversation::new(messages));
        self
    }

    /// Replaces the messages that the client holds by `messages`: MESSAGES_SNAPSHOT. The open message is ended first.
    ///
    /// This is for a run that removes messages which the client should not have. Call it before the run has written a
    /// message of its own, since the client drops what `messages` leaves out.
    pub fn replace_messages(&mut self, messages: Vec<JsonText>) {
        self.close_open_message();
        self.push(EventKind::MessagesSnapshot { messages });
    }

    /// Queues the MESSAGES_SNAPSHOT at the end of a run. It queues nothing if
    /// [`with_messages_snapshot`](Self::with_messages_snapshot) was not called or if the thread has no messages.
    pub(super) fn push_messages_snapshot(&mut self) {
        if let Some(conversation) = self.conversation.take()
            && !conversation.is_empty()
        {
            self.push(EventKind::MessagesSnapshot { messages: conversation.into_texts() });
        }
    }
}
