//! A request without what its model can't use.
//!
//! A picture that a model can't read, or one schema that a server can't use, stays in the client's conversation and would fail
//! every run of it. So the model is asked once more without it: it reads that something was left out, and the log has a line.

use tracing::warn;

use crate::model::{ModelError, Rejected, Request, ToolChoice, Turn, UserPart};
use crate::protocol::{Content, ContentPart, PartKind};

/// What stands in place of a part that was left out.
const LEFT_OUT: &str = "(A part was left out here: the model in use can't read it.)";

/// The most names of tools in a line of the log.
const MAX_NAMES: usize = 32;

/// The request without what this model has rejected; None if there is nothing that could be left out.
pub(super) fn reduced(request: &Request, error: &ModelError, model: &str) -> Option<Request> {
    // Most failures reject nothing, and a conversation may be long.
    let rejected = error.rejected.as_ref()?;
    let mut reduced = request.clone();
    match rejected {
        Rejected::Media => {
            let parts = leave_media_out(&mut reduced);
            if parts == 0 {
                return None;
            }
            warn!(model, parts, "the model can't read some parts; it is asked once more without them");
        }
        Rejected::Tool(tool) => {
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
        Rejected::SomeTool => {
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

/// Puts a sentence in place of each part of the conversation that is no text. Returns how many there were.
fn leave_media_out(request: &mut Request) -> usize {
    request.history.iter_mut().map(leave_media_out_of).sum()
}

fn leave_media_out_of(turn: &mut Turn) -> usize {
    match turn {
        Turn::User(parts) => {
            let content = parts.iter_mut().filter_map(|part| match part {
                UserPart::Content(part) => Some(part),
                _ => None,
            });
            content.map(leave_medium_out).sum()
        }
        Turn::Results(results) => {
            let parts = results.iter_mut().filter_map(|result| match &mut result.content {
                Content::Parts(parts) => Some(parts),
                Content::Text(_) => None,
            });
            parts.flatten().map(leave_medium_out).sum()
        }
        Turn::Assistant { .. } => 0,
    }
}

fn leave_medium_out(part: &mut ContentPart) -> usize {
    if matches!(part.kind, PartKind::Text { .. }) {
        return 0;
    }
    part.kind = PartKind::Text { text: LEFT_OUT.to_owned() };
    1
}
