//! The texts that this server writes in place of the result of a call, when there is no result.
//!
//! A client sends these texts back in the history of its next run. There they must be recognized, so that a real result can
//! replace them.

use crate::protocol::{Content, Message, MessageBody};
use crate::transcript::UNANSWERED;

/// A text that stands for the result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaceholderResult {
    /// The run ended before the call did. The client is sent the text.
    Unfinished,
    /// The call waited for a person and got no valid answer. The client is sent the text.
    ///
    /// The text does not claim that the call did not run: a history without a result does not show that.
    Unanswered,
    /// The result in the history is not signed by this server. Only the model reads the text.
    Unverified,
    /// The history has no result, and the conversation went on. Only the model reads the text.
    Missing,
    /// The result in the history has only parts of unknown kinds. Only the model reads the text.
    Unreadable,
}

impl PlaceholderResult {
    /// The placeholders that a client is sent, and so may send back as the result of a call.
    const SENT_TO_CLIENT: [Self; 2] = [Self::Unfinished, Self::Unanswered];

    /// Returns the text of the placeholder, as the client or the model reads it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Unfinished => UNANSWERED,
            Self::Unanswered => {
                r#"{"error":"No result of this call is known. It was not run for this message. If it was approved or needed no approval, it may have run before.","interrupt":"unknown"}"#
            }
            Self::Unverified => "The result of this call could not be verified.",
            Self::Missing => r#"{"error":"No result was given."}"#,
            Self::Unreadable => r#"{"error":"The result of this call could not be read."}"#,
        }
    }

    /// Returns the placeholder that a tool message of the history holds; `None` for a real result and for a placeholder
    /// that no client is sent.
    pub(crate) fn of_message(message: &Message) -> Option<Self> {
        let MessageBody::Tool { content: Content::Text(text), error: None, .. } = &message.body else {
            return None;
        };
        Self::SENT_TO_CLIENT.into_iter().find(|placeholder| placeholder.text() == text)
    }
}

impl From<PlaceholderResult> for Content {
    /// Converts a placeholder to the content of a tool message.
    fn from(placeholder: PlaceholderResult) -> Self {
        Self::Text(placeholder.text().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::RunAgentInput;

    fn tool_message(members: Value) -> Message {
        let mut message = json!({"id": "x", "role": "tool", "toolCallId": "c"});
        message.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let input = json!({"threadId": "t", "runId": "r", "messages": [message]});
        RunAgentInput::read(input).unwrap().input.messages.remove(0)
    }

    #[test]
    fn of_message_recognizes_what_the_client_was_sent() {
        use PlaceholderResult::{Missing, Unanswered, Unfinished, Unreadable, Unverified};
        for (placeholder, expected) in [
            (Unfinished, Some(Unfinished)),
            (Unanswered, Some(Unanswered)),
            (Unverified, None),
            (Missing, None),
            (Unreadable, None),
        ] {
            let message = tool_message(json!({ "content": placeholder.text() }));
            assert_eq!(PlaceholderResult::of_message(&message), expected, "{placeholder:?}");
        }
    }

    #[test]
    fn of_message_ignores_real_results_and_errors() {
        let unfinished = PlaceholderResult::Unfinished.text();
        for (why, members) in [
            ("a result", json!({ "content": "sunny" })),
            ("an error of the client", json!({ "content": unfinished, "error": "no network" })),
            ("parts", json!({ "content": [{"type": "text", "text": unfinished}] })),
        ] {
            assert_eq!(PlaceholderResult::of_message(&tool_message(members)), None, "{why}");
        }
    }
}
