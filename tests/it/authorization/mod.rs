//! Who may call a tool, and which calls may run.

mod rules;
