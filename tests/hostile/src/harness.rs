//! Sends many inputs to the targets, and finds what must not happen: a panic, also one that is caught; an input that takes too
//! long; memory that is not freed; more memory than a small function has; and what a target itself reports.
//!
//! [`supervise`] starts a process for each target, and [`work`] is what such a process does. An input is known by the seed and
//! its number, so each finding can be repeated alone.

mod memory;
mod panics;
mod supervisor;
mod watchdog;
mod worker;

use std::path::PathBuf;
use std::time::Duration;

pub use supervisor::supervise;
pub use worker::{work, work_on_bytes};

/// Which inputs are sent, and what is allowed for each.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed of all inputs.
    pub seed: u64,
    /// The number of the first input.
    pub first: u64,
    /// How many inputs are sent; `None` for 50,000, or for the share of a single target.
    pub count: Option<u64>,
    /// How much CPU time an input may take. It may wait 12 times as long.
    pub max_cpu: Duration,
    /// Whether the inputs and the log are printed.
    pub is_shown: bool,
    /// A file into which the number of each input is written before it is sent.
    pub progress: Option<PathBuf>,
}

impl Default for Plan {
    /// Returns the plan of the tests.
    fn default() -> Self {
        Self {
            seed: 1,
            first: 0,
            count: None,
            max_cpu: Duration::from_secs(5),
            is_shown: false,
            progress: None,
        }
    }
}

/// Returns the command that repeats an input alone.
fn command(target: &str, seed: u64, index: u64) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    format!("{} {target} --seed {seed} --first {index} --count 1 --show", program.display())
}
