//! Budgets: how many tokens a user and an organisation may use on one day.
//!
//! A run reserves tokens before it uses them, in a store that all processes share, and settles what it has used when it ends.
//! So runs at the same time cannot use the same tokens. What is never settled, because its process was killed, lapses after the
//! longest time that the run could take. A day begins at midnight UTC, and a run counts on the day on which it began.
//!
//! - `budgets`: [`Budgets`], what is allowed and where it is counted.
//! - `subject`: whose budget a run uses.
//! - `store`: the interface to a store of reservations, and the rule that every store follows.
//! - `memory`: a store in the memory of one process.
//! - `run_budget`: the budgets of one run, from its first reservation to its settlement.

mod budgets;
mod memory;
mod run_budget;
mod store;
mod subject;

pub use budgets::Budgets;
pub use memory::MemoryBudgetStore;
pub(crate) use run_budget::{BudgetRefusal, RunBudget};
pub use store::{BudgetStore, BudgetStoreError, Demand, Grant, Hold};
pub(crate) use subject::SubjectKind;
