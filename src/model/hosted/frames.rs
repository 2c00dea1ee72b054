//! A second pair of eyes on the wire: what frames say that genai's events leave out, or tell too late.
//!
//! genai hands out each frame before the events that it makes of it. Only what is needed is looked for, and
//! nothing is kept: what the sights mean for a turn is for [`Answer`](super::answer::Answer) to decide.

use std::sync::{Mutex, MutexGuard, PoisonError};

use genai::chat::{ChatFrameSink, FrameCtx, RawFrameRef};

use super::error::Fault;
use super::provider::Wire;
use super::sights::read;

/// Something that was seen in a frame.
#[derive(Debug, PartialEq)]
pub(super) enum Sight {
    /// A call, or a piece of one.
    Call(Piece),
    /// The block at this place is complete.
    End(usize),
    /// All arguments of the call at this place.
    Arguments(usize, String),
    /// A piece of a signature that is complete when its block is.
    SignaturePiece(String),
    /// A whole signature of the reasoning before it.
    Signature(String),
    /// Reasoning that only the provider can read.
    Redacted(String),
    /// Text that genai does not know of: a refusal.
    Text(String),
    /// Reasoning that genai leaves out.
    Reasoning(String),
    /// The provider holds the rest back.
    Filtered,
    /// The turn has failed.
    Failed(Fault),
    /// The frame is no JSON.
    Malformed,
}

/// A piece of a call.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Piece {
    /// Which call of the turn; some that are compatible with OpenAI leave it out.
    pub(super) place: Option<usize>,
    /// Its id, in the first piece.
    pub(super) id: String,
    /// The tool's name, in the first piece.
    pub(super) name: String,
    /// JSON text.
    pub(super) json: String,
}

/// Where genai puts its frames: what was seen in each, until it is taken.
pub(super) struct Frames {
    wire: Wire,
    /// A list for each frame that held data.
    seen: Mutex<Vec<Vec<Sight>>>,
}

impl Frames {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, seen: Mutex::default() }
    }

    /// The frames since the last time.
    pub(super) fn take(&self) -> Vec<Vec<Sight>> {
        std::mem::take(&mut *self.seen())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen().is_empty()
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Vec<Sight>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChatFrameSink for Frames {
    fn on_frame(&self, _: &FrameCtx, frame: RawFrameRef<'_>) {
        // Comments, which some send to stay alive, come as frames without data.
        if frame.data.trim().is_empty() || frame.data == "[DONE]" {
            return;
        }
        let sights = read(self.wire, frame.data);
        self.seen().push(sights);
    }
}
