//! Log lines, metrics and traces of the function, and what they never contain.

mod alarms;
mod cloudwatch;
mod filters;
mod leaks;
mod lines;
mod metric_math;
mod metrics;
mod stdout;
mod traces;
