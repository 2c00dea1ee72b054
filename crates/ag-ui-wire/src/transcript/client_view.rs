//! What the client shows beside the conversation and the shared state.

use std::collections::HashMap;

use crate::protocol::{JsonObject, MessageId};

/// The steps and activities that the client shows, as far as the run has sent them.
#[derive(Debug, Default)]
pub(super) struct ClientView {
    /// The names of the open steps, in the order in which they began.
    pub(super) steps: Vec<String>,
    /// The type and the content of each activity message.
    pub(super) activities: HashMap<MessageId, (String, JsonObject)>,
}
