//! A piece of a call, as a wire reads it from a frame.

/// A piece of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::model) struct Piece {
    /// Where the wire has the call: its index, output index or block. Some compatible servers leave it out.
    pub(in crate::model) place: Option<usize>,
    /// The id of the item that holds the call; only Responses has one.
    pub(in crate::model) item: String,
    /// The call's id, in the first piece.
    pub(in crate::model) id: String,
    /// The tool's name, in the first piece.
    pub(in crate::model) name: String,
    /// JSON text.
    pub(in crate::model) json: String,
    /// What the provider wants back with the call.
    pub(in crate::model) signature: Option<String>,
    /// The wire says that a call starts here.
    pub(in crate::model) is_start: bool,
    /// `json` is all of the arguments, and not what comes next of them.
    pub(in crate::model) is_whole: bool,
}
