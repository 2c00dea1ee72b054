//! What the function tells of itself: log lines, metrics, traces; and what it never tells.

mod leaks;
mod lines;
mod metrics;
mod output;
mod traces;
