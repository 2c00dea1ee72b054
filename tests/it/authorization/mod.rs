//! Who may call a tool, which calls may run, and what the log says of it.

mod audit;
mod refund_order;
mod rules;
