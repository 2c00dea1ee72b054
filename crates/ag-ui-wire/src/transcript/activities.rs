//! Activity messages: widgets of the user interface that a run shows and updates.

use super::IdSource;
use super::delta_size::delta_is_smaller;
use super::writer::Transcript;
use crate::protocol::{EventKind, JsonObject, MessageId, diff_objects};

/// An activity message that the run has started, for [`Transcript::update_activity`].
#[derive(Debug)]
pub struct Activity {
    id: MessageId,
}

impl Activity {
    /// Returns the id of the activity message.
    pub fn id(&self) -> &MessageId {
        &self.id
    }
}

impl<I: IdSource> Transcript<I> {
    /// Starts a new activity message and sends its content: ACTIVITY_SNAPSHOT. The open message is ended first.
    ///
    /// `activity_type` names the widget that shows `content`. The returned [`Activity`] is for
    /// [`update_activity`](Self::update_activity).
    pub fn start_activity(&mut self, activity_type: &str, content: JsonObject) -> Activity {
        self.close_open_message();
        let id = self.ids.next_message_id();
        self.client_view.activities.insert(id.clone(), (activity_type.to_owned(), content.clone()));
        self.push_activity_snapshot(&id, activity_type, content);
        Activity { id }
    }

    /// Changes the content of an activity message to `content`.
    ///
    /// The difference is sent as ACTIVITY_DELTA, or the new content as ACTIVITY_SNAPSHOT if that is smaller or if clients
    /// could not apply the difference. If nothing has changed, no event is queued.
    pub fn update_activity(&mut self, activity: &Activity, content: JsonObject) {
        let Some((activity_type, held)) = self.client_view.activities.get_mut(&activity.id) else { return };
        let patch = diff_objects(held, &content);
        if patch.is_empty() {
            return;
        }
        held.clone_from(&content);
        let activity_type = activity_type.clone();
        if delta_is_smaller(&patch, &content) {
            let message_id = activity.id.clone();
            self.push(EventKind::ActivityDelta { message_id, activity_type, patch });
        } else {
            self.push_activity_snapshot(&activity.id, &activity_type, content);
        }
    }

    /// Queues ACTIVITY_SNAPSHOT with the complete content of an activity message.
    fn push_activity_snapshot(&mut self, id: &MessageId, activity_type: &str, content: JsonObject) {
        self.push(EventKind::ActivitySnapshot {
            message_id: id.clone(),
            activity_type: activity_type.to_owned(),
            content,
            replace: None,
        });
    }
}
