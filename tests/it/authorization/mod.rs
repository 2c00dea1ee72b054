//! Who may call a tool, which calls may run, and what the log says of it.

#[cfg(feature = "dev")]
mod audit;
#[cfg(feature = "dev")]
mod refund_order;
mod rules;
