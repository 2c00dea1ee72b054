//! Tests that the generators make every variant of each enum.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::protocol::{
    Content, EncryptedSubtype, MessageBody, PartKind, PatchOperation, ResumeStatus, RunOutcome, Source,
    SubagentOutcome, TextRole, any,
};

/// The names of the variants that a generator makes in 300 tries.
fn seen<T: std::fmt::Debug>(
    values: impl Strategy<Value = T>,
    name: fn(&T) -> &'static str,
) -> BTreeSet<&'static str> {
    let mut runner = TestRunner::deterministic();
    (0..300).map(|_| name(&values.new_tree(&mut runner).unwrap().current())).collect()
}

/// Defines a test for each enum: its generator makes the listed variants. A variant that is not listed does not compile.
macro_rules! all_are_generated {
    ($($test:ident: $type:ident of $values:expr => $($variant:ident)+;)+) => {$(
        #[test]
        fn $test() {
            let name = |value: &$type| match value {
                $($type::$variant { .. } => stringify!($variant),)+
            };
            assert_eq!(seen($values, name), BTreeSet::from([$(stringify!($variant)),+]));
        }
    )+};
}

all_are_generated! {
    seven_roles_of_messages: MessageBody of any::body() => Developer System Assistant User Tool Reasoning Activity;
    two_forms_of_content: Content of any::content() => Text Parts;
    five_kinds_of_parts: PartKind of any::part_kind() => Text Image Audio Video Document;
    three_sources: Source of any::source() => Data Url File;
    six_operations: PatchOperation of any::operation() => Add Remove Replace Move Copy Test;
    three_outcomes_of_runs: RunOutcome of any::run_outcome() => Success Interrupt Cancelled;
    two_outcomes_of_subagents: SubagentOutcome of any::subagent_outcome() => Success Suspended;
    two_answers: ResumeStatus of any::resume_status() => Resolved Cancelled;
    four_roles_of_text: TextRole of any::text_role() => Developer System Assistant User;
    two_subtypes: EncryptedSubtype of any::encrypted_subtype() => Message ToolCall;
}
