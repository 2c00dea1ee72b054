//! Requests without the part that a model rejects.
//!
//! A picture that a model cannot read, or a schema that its server cannot use, stays in the client's conversation and would make
//! every run of it fail. So the model is asked once more without that part. The model reads that something was left out, and the
//! log has a line.

use tracing::warn;

use crate::model::{ModelError, RejectedPart, Request, ToolChoice, Turn, UserPart};
use crate::protocol::{Content, ContentPart, PartKind};

/// What the model reads in place of a part that was left out.
const LEFT_OUT: &str = "(A part was left out here: the model in use can't read it.)";

/// The largest number of tool names in a log line.
const MAX_NAMES: usize = 32;

/// Returns a copy of the request without the part that `model` has rejected with this error: without media, or without
/// one tool. `None` if the error names no part, or if the request does not have the part.
pub(crate) fn without_rejected_part(request: &Request, error: &ModelError, model: &str) -> Option<Request> {
    // Most failures reject nothing, and a conversation may be long.
    let rejected = error.rejected.as_ref()?;
    let mut reduced = request.clone();
    match rejected {
        RejectedPart::Media => {
            let parts = remove_media(&mut reduced);
            if parts == 0 {
                return None;
            }
            warn!(model, parts, "the model can't read some parts; it is asked once more without them");
        }
        RejectedPart::Tool(tool) => {
            reduced.tools = request.tools.iter().filter(|offered| offered.name != *tool).cloned().collect();
            if reduced.tools.len() == request.tools.len() {
                return None;
            }
            if matches!(&request.settings.tool_choice, ToolChoice::Tool(forced) if forced == tool) {
                reduced.settings.tool_choice = ToolChoice::Auto;
            }
            warn!(
                model,
                tool, "the model's server can't use the schema of a tool; it is asked once more without it"
            );
        }
        RejectedPart::UnnamedTool => {
            let tools: Vec<&str> =
                request.tools.iter().map(|tool| tool.name.as_str()).take(MAX_NAMES).collect();
            let tools = tools.join(" ");
            warn!(
                model,
                tools,
                "the model's server can't use the schema of one of these tools, and does not say which"
            );
            return None;
        }
    }
    Some(reduced)
}

/// Replaces each part of the conversation that is not text with a sentence. Returns the number of replaced parts.
fn remove_media(request: &mut Request) -> usize {
    request.history.iter_mut().map(remove_media_of_turn).sum()
}

/// Replaces each part of one turn that is not text with a sentence. Returns the number of replaced parts.
fn remove_media_of_turn(turn: &mut Turn) -> usize {
    match turn {
        Turn::User(parts) => {
            let content = parts.iter_mut().filter_map(|part| match part {
                UserPart::Content(part) => Some(part),
                _ => None,
            });
            content.map(replace_medium).sum()
        }
        Turn::Results(results) => {
            let parts = results.iter_mut().filter_map(|result| match &mut result.content {
                Content::Parts(parts) => Some(parts),
                Content::Text(_) => None,
            });
            parts.flatten().map(replace_medium).sum()
        }
        Turn::Assistant { .. } => 0,
    }
}

/// Replaces a part with a sentence, unless the part is text. Returns the number of replaced parts, 0 or 1.
fn replace_medium(part: &mut ContentPart) -> usize {
    if matches!(part.kind, PartKind::Text { .. }) {
        return 0;
    }
    part.kind = PartKind::Text { text: LEFT_OUT.to_owned() };
    1
}
