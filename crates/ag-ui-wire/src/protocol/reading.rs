//! What is kept of an input while it is read, and how much of it is allowed.

use std::cell::Cell;

use serde_json::Value;

use super::input_error::InputProblem;
use super::input_limits::{ElementKind, InputLimits};
use crate::json::{self, ReadProblem};

/// What is kept of an input, how much of it is allowed, and what was left out so far.
#[derive(Debug)]
pub(super) struct Reading {
    /// The JSON Pointers of the elements of lists that were left out because this version of the protocol does not know
    /// their kind, in order.
    pub(super) dropped: Vec<String>,
    /// Whether the data is kept that no server reads: `forwardedProps`, the contents of activities, and `metadata` beside
    /// the server's own member.
    pub(super) keeps_unread_data: bool,
    limits: InputLimits,
    /// How many JSON values may still be built.
    values_left: Cell<usize>,
    /// How many bytes the schemas of the tools may still have.
    schema_bytes_left: usize,
    /// How many elements of each kind were read.
    elements: [usize; ElementKind::COUNT],
}

impl Reading {
    /// Starts to read an input as a server does: with limits, and without the data that no server reads.
    pub(super) fn of_server(limits: InputLimits) -> Self {
        Self {
            dropped: Vec::new(),
            keeps_unread_data: false,
            limits,
            values_left: Cell::new(limits.json_values),
            schema_bytes_left: limits.schema_bytes,
            elements: [0; ElementKind::COUNT],
        }
    }

    /// Starts to read everything without limits, as `Deserialize` does.
    pub(super) fn of_everything() -> Self {
        Self { keeps_unread_data: true, ..Self::of_server(InputLimits::unlimited()) }
    }

    /// Counts one more element of this kind; the problem is that there are too many now.
    pub(super) fn count(&mut self, kind: ElementKind) -> Result<(), InputProblem> {
        let count = &mut self.elements[kind as usize];
        *count += 1;
        let max = self.limits.elements(kind);
        match *count > max {
            true => Err(InputProblem::TooManyElements { elements: kind.plural(), max }),
            false => Ok(()),
        }
    }

    /// Builds the value of a JSON text that was checked; the problem is that the input has too many values.
    pub(super) fn build(&self, text: &str) -> Result<Value, InputProblem> {
        json::read_counted(text.as_bytes(), &self.values_left).map_err(|error| match error.problem {
            ReadProblem::TooManyValues { .. } => InputProblem::TooManyValues { max: self.limits.json_values },
            // A text that was checked has no other problem.
            _ => InputProblem::NotAnObject,
        })
    }

    /// Builds the state as [`build`](Self::build) does; the problem may also be its length.
    pub(super) fn build_state(&self, text: &str) -> Result<Value, InputProblem> {
        let max_bytes = self.limits.state_bytes;
        match text.len() > max_bytes {
            true => Err(InputProblem::TooLarge { data: "the state", max_bytes }),
            false => self.build(text),
        }
    }

    /// Builds the schema of a tool as [`build`](Self::build) does; the problem may also be its length, together with that of
    /// the schemas before it, or its depth.
    pub(super) fn build_schema(&mut self, text: &str) -> Result<Value, InputProblem> {
        let (max_bytes, max_levels) = (self.limits.schema_bytes, self.limits.schema_depth);
        let Some(left) = self.schema_bytes_left.checked_sub(text.len()) else {
            return Err(InputProblem::TooLarge { data: "the schemas of all tools", max_bytes });
        };
        self.schema_bytes_left = left;
        match json::depth(text) > max_levels {
            true => Err(InputProblem::TooDeep { max_levels }),
            false => self.build(text),
        }
    }
}
