//! Log lines, metrics and traces of the function, and what they never contain.

mod filters;
mod leaks;
mod lines;
mod metrics;
mod stdout;
mod traces;
