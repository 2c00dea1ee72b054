//! What operators and the application learn of a run: its log lines, its audit lines, its OpenTelemetry spans and its report.

pub(super) mod audit;
pub(super) mod recorder;
pub(super) mod report;
pub(super) mod spans;
