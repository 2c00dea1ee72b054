//! Shows an interrupt: a tool that asks the user a question, and continues in a later run with the answer.

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

/// The answer of the user. Its schema is sent with the question, and the answer is checked against it.
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

/// The tool `schedule_meeting`: asks the user for a time, and returns the meeting. If the user chooses no time, the
/// model reads a refusal.
///
/// The run ends with the question, and the tool is called again from its start with the answer, so it asks before it
/// does anything else.
pub(crate) async fn schedule(
    context: ToolContext<Caller>,
    MeetingArgs { topic }: MeetingArgs,
) -> Result<Meeting, ToolError> {
    let Answer { chosen_time, chosen_label } =
        context.ask(format!("When shall we meet? It is about: {topic}"))?;
    let time = chosen_time.ok_or_else(|| ToolError::refused("The user wants no meeting."))?;
    Ok(Meeting { topic, time, label: chosen_label })
}
