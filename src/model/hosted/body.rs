//! Tells a stream from an answer that is one JSON text, which some servers send although a stream was asked for.

use serde_json::Value;

use super::frames::Framing;

/// The most bytes of an answer that is one JSON text.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A body, as far as it came.
#[derive(Debug)]
pub(super) enum Body {
    /// Nothing but white space came.
    Unknown(Vec<u8>),
    /// Events or lines.
    Stream,
    /// One JSON text, which is complete when the body is.
    Json(Vec<u8>),
}

/// The JSON text is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Body {
    /// A body of which lines are expected is never one JSON text.
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Lines => Self::Stream,
            Framing::Events => Self::Unknown(Vec::new()),
        }
    }

    /// Takes bytes; returns those that belong to a stream.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        if let Self::Stream = self {
            return Ok(Some(bytes.to_vec()));
        }
        let (Self::Unknown(kept) | Self::Json(kept)) = self else { return Ok(None) };
        if kept.len() + bytes.len() > MAX_BYTES {
            return Err(TooLong);
        }
        kept.extend_from_slice(bytes);
        if let Self::Unknown(kept) = self {
            let kept = std::mem::take(kept);
            let text = kept.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&kept);
            match text.trim_ascii_start().first() {
                Some(b'{' | b'[') => *self = Self::Json(text.to_vec()),
                // A byte order mark may have come in part.
                Some(byte) if kept.len() > 2 || *byte != 0xef => {
                    *self = Self::Stream;
                    return Ok(Some(kept));
                }
                _ => *self = Self::Unknown(kept),
            }
        }
        Ok(None)
    }

    /// The chunks of an answer that is JSON, of which Gemini sends a list; none if it is no JSON.
    pub(super) fn chunks(&mut self) -> Option<Vec<Value>> {
        let Self::Json(bytes) = self else { return None };
        let bytes = std::mem::take(bytes);
        Some(match serde_json::from_slice(&bytes) {
            Ok(Value::Array(chunks)) => chunks,
            Ok(chunk) => vec![chunk],
            Err(_) => Vec::new(),
        })
    }
}
