//! What operators learn of a run: its log lines, its audit lines and its OpenTelemetry spans.

pub(super) mod audit;
pub(super) mod recorder;
pub(super) mod spans;
