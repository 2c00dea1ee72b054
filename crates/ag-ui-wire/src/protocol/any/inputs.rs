//! Generates inputs of runs.

use proptest::prelude::*;
use proptest::sample::select;

use super::messages::message;
use super::values::{id, many, maybe, non_null, object, text};
use crate::protocol::{Context, ResumeEntry, ResumeStatus, RunAgentInput, Tool};

/// Generates the input of a run.
pub fn input() -> impl Strategy<Value = RunAgentInput> {
    let ids = (id(), id(), maybe(text()), maybe(id()));
    let data = (maybe(non_null()), many(message()), many(tool()), many(context()), maybe(non_null()));
    (ids, data, many(answer())).prop_map(|(ids, data, resume)| {
        let (thread_id, run_id, protocol_version, parent_run_id) = ids;
        let (state, messages, tools, context, forwarded_props) = data;
        RunAgentInput {
            thread_id,
            run_id,
            protocol_version,
            parent_run_id,
            state,
            messages,
            tools,
            context,
            forwarded_props,
            resume,
            // A server sets it when it reads an input; it is not written.
            original_messages: None,
        }
    })
}

/// Generates a tool of the client.
pub(super) fn tool() -> impl Strategy<Value = Tool> {
    (text(), text(), maybe(non_null()), maybe(object())).prop_map(
        |(name, description, parameters, metadata)| Tool { name, description, parameters, metadata },
    )
}

/// Generates a context entry.
fn context() -> impl Strategy<Value = Context> {
    (text(), text()).prop_map(|(description, value)| Context { description, value })
}

/// Generates an answer to an interrupt.
fn answer() -> impl Strategy<Value = ResumeEntry> {
    (id(), resume_status(), maybe(non_null()), maybe(object())).prop_map(
        |(interrupt_id, status, payload, metadata)| ResumeEntry { interrupt_id, status, payload, metadata },
    )
}

/// Generates the status of an answer.
pub fn resume_status() -> impl Strategy<Value = ResumeStatus> {
    select(vec![ResumeStatus::Resolved, ResumeStatus::Cancelled])
}
