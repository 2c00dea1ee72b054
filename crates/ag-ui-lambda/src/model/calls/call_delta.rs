//! A piece of a tool call, as an adapter reads it from a frame.

/// A piece of a tool call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::model) struct CallDelta {
    /// The call's index on the wire: its index in the list of calls, its output index or its block. Some compatible servers
    /// leave it out.
    pub(in crate::model) index: Option<usize>,
    /// The id of the item that holds the call. Only OpenAI's Responses API has one.
    pub(in crate::model) item_id: String,
    /// The call's id; usually only the first piece has it.
    pub(in crate::model) id: String,
    /// The tool's name on the wire; usually only the first piece has it.
    pub(in crate::model) name: String,
    /// JSON text of the arguments.
    pub(in crate::model) json: String,
    /// The opaque value that the provider wants back with the call.
    pub(in crate::model) signature: Option<String>,
    /// Whether the frame marks this piece as the start of a call.
    pub(in crate::model) is_start: bool,
    /// Whether `json` holds all arguments, and not only the next piece of them.
    pub(in crate::model) has_all_arguments: bool,
}
