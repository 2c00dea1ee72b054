//! How long an answer may be, where an entry point takes no stream.

/// How long an answer a front door takes that takes no stream.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The most that a body may weigh.
    pub limit: usize,
    /// What of it is kept for the last events of a run that has to be stopped.
    pub reserve: usize,
    /// What bytes of a body weigh there: their number, unless the door has them written some other way.
    pub weigh: fn(&[u8]) -> usize,
}
