//! Shows a question: a tool that asks the user, and goes on in a later run, when they have answered.

use ag_ui_lambda::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ag_ui_function::caller::Caller;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeetingArgs {
    /// What the meeting is about.
    topic: String,
}

/// What the user answers. Its schema goes out with the question, and the answer is checked against it.
#[derive(Deserialize, JsonSchema)]
struct Answer {
    /// When, as ISO 8601; without it there is no meeting.
    chosen_time: Option<String>,
    /// When, in words.
    chosen_label: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Meeting {
    topic: String,
    time: String,
    label: Option<String>,
}

/// Asks before it does anything: with the answer it is called again, from its start.
pub(crate) async fn schedule(
    context: ToolContext<Caller>,
    MeetingArgs { topic }: MeetingArgs,
) -> Result<Meeting, ToolError> {
    let Answer { chosen_time, chosen_label } =
        context.ask(format!("When shall we meet? It is about: {topic}"))?;
    let time = chosen_time.ok_or_else(|| ToolError::refused("The user wants no meeting."))?;
    Ok(Meeting { topic, time, label: chosen_label })
}
