//! How long a response may be where it is sent in one piece.

/// The size limit of a buffered response, for [`handle_buffered`](super::Endpoint::handle_buffered).
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "whoever sends a response in one piece has to decide on each of these"
)]
pub struct ResponseLimit {
    /// The largest length that a body may have, as `encoded_len` measures it.
    pub max_bytes: usize,
    /// How much of `max_bytes` is kept free for the last events of a run that has to be cancelled because of this limit.
    pub headroom: usize,
    /// Returns how long bytes of a body are in the response: their number, or more if they are encoded, as in Base64.
    pub encoded_len: fn(&[u8]) -> usize,
}
