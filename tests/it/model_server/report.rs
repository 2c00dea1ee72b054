//! The printed table. Each line is printed as soon as its check has ended.
#![expect(clippy::print_stdout, reason = "the table is printed")]

use std::time::Duration;

use super::server::{Server, Wire};

/// The outcome of a check, with what was observed.
pub(super) enum Outcome {
    Passed(String),
    Failed(String),
    /// The model did nothing that can be checked.
    NotTried(String),
    /// The server does not have this wire.
    NotThere,
}

impl Outcome {
    /// Creates the outcome of a check that has passed.
    pub(super) fn passed(seen: impl Into<String>) -> Self {
        Self::Passed(seen.into())
    }

    /// Creates the outcome of a check that has failed.
    pub(super) fn failed(seen: impl Into<String>) -> Self {
        Self::Failed(seen.into())
    }
}

#[derive(Default)]
pub(super) struct Report {
    passed: usize,
    /// The checks that have failed, by wire and name.
    others: Vec<String>,
}

impl Report {
    /// Prints the head of the table.
    pub(super) fn begin(server: &Server) -> Self {
        println!("server  {}\nmodel   {}\n", server.base_url(), server.model());
        println!("{:<10} {:<18} {:<10} {:>8}  seen", "wire", "check", "result", "seconds");
        Self::default()
    }

    /// Prints a row.
    pub(super) fn row(&mut self, wire: Wire, check: &str, outcome: Outcome, time: Option<Duration>) {
        let (result, seen) = match outcome {
            Outcome::Passed(seen) => ("pass", seen),
            Outcome::Failed(seen) => ("FAIL", seen),
            Outcome::NotTried(seen) => ("NOT TRIED", seen),
            Outcome::NotThere => ("not there", "the server does not have this wire".to_owned()),
        };
        match result {
            "pass" => self.passed += 1,
            "not there" => {}
            _ => self.others.push(format!("{} on {}", check, wire.name())),
        }
        let seconds = time.map_or_else(String::new, |time| format!("{:.1}", time.as_secs_f64()));
        println!("{:<10} {check:<18} {result:<10} {seconds:>8}  {seen}", wire.name());
    }

    /// Prints the totals.
    ///
    /// # Panics
    /// If a check has failed, or none has passed.
    pub(super) fn end(self) {
        println!("\n{} passed, {} did not", self.passed, self.others.len());
        assert!(self.others.is_empty(), "not passed: {}", self.others.join(", "));
        assert!(self.passed > 0, "the server has none of the wires");
    }
}
