//! Generates events.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};

use super::inputs::input;
use super::messages::{content, message};
use super::values::{id, json, many, maybe, non_null, object, text};
use crate::protocol::{
    EncryptedSubtype, Event, EventKind, Interrupt, JsonText, PatchOperation, ReasoningRole, RunOutcome,
    SubagentOutcome, TextRole, TokenUsage, ToolRole,
};

/// Generates events of one type, with and without the members that every event may have.
pub fn event(kinds: BoxedStrategy<EventKind>) -> impl Strategy<Value = Event> {
    let base = (maybe(any::<i64>()), maybe(non_null()), maybe(object()), maybe(id()));
    (kinds, base).prop_map(|(kind, (timestamp, raw_event, metadata, subagent_run_id))| {
        // In SUBAGENT_* events the id names the subagent that they are about, so it belongs to the kind.
        let subagent_run_id = subagent_run_id.filter(|_| !kind.type_name().starts_with("SUBAGENT_"));
        Event { kind, timestamp, raw_event, metadata, subagent_run_id }
    })
}

/// Generates an event of any type.
pub fn any_event() -> impl Strategy<Value = Event> {
    event(Union::new(kinds().into_iter().map(|(_, kinds)| kinds)).boxed())
}

/// The name of each event type with its generator, in the order of [`EventKind::TYPES`].
pub fn kinds() -> Vec<(&'static str, BoxedStrategy<EventKind>)> {
    use EventKind as E;
    /// The name of a type, and a generator that builds the variant from a generator for each member.
    macro_rules! kind {
        ($name:literal, $variant:ident { $($member:ident: $strategy:expr),* $(,)? }) => {
            ($name, ($($strategy,)*).prop_map(|($($member,)*)| E::$variant { $($member),* }).boxed())
        };
    }
    vec![
        kind!(
            "RUN_STARTED",
            RunStarted {
                thread_id: id(),
                run_id: id(),
                protocol_version: maybe(text()),
                parent_run_id: maybe(id()),
                input: maybe(input().prop_map(Box::new)),
            }
        ),
        kind!(
            "RUN_FINISHED",
            RunFinished {
                thread_id: id(),
                run_id: id(),
                result: maybe(non_null()),
                outcome: maybe(run_outcome()),
                usage: many(usage()),
            }
        ),
        kind!("RUN_ERROR", RunError { message: text(), code: maybe(text()), usage: many(usage()) }),
        kind!("STEP_STARTED", StepStarted { step_name: text() }),
        kind!("STEP_FINISHED", StepFinished { step_name: text() }),
        kind!(
            "TEXT_MESSAGE_START",
            TextMessageStart { message_id: id(), role: maybe(text_role()), name: maybe(text()) }
        ),
        kind!("TEXT_MESSAGE_CONTENT", TextMessageContent { message_id: id(), delta: text() }),
        kind!("TEXT_MESSAGE_END", TextMessageEnd { message_id: id() }),
        kind!(
            "TEXT_MESSAGE_CHUNK",
            TextMessageChunk {
                message_id: maybe(id()),
                role: maybe(text_role()),
                delta: maybe(text()),
                name: maybe(text()),
            }
        ),
        kind!(
            "TOOL_CALL_START",
            ToolCallStart { tool_call_id: id(), tool_call_name: text(), parent_message_id: maybe(id()) }
        ),
        kind!("TOOL_CALL_ARGS", ToolCallArgs { tool_call_id: id(), delta: text() }),
        kind!("TOOL_CALL_END", ToolCallEnd { tool_call_id: id() }),
        kind!(
            "TOOL_CALL_CHUNK",
            ToolCallChunk {
                tool_call_id: maybe(id()),
                tool_call_name: maybe(text()),
                parent_message_id: maybe(id()),
                delta: maybe(text()),
            }
        ),
        kind!(
            "TOOL_CALL_RESULT",
            ToolCallResult {
                message_id: id(),
                tool_call_id: id(),
                content: content(),
                role: maybe(Just(ToolRole::Tool)),
            }
        ),
        kind!("REASONING_START", ReasoningStart { message_id: id() }),
        kind!(
            "REASONING_MESSAGE_START",
            ReasoningMessageStart { message_id: id(), role: Just(ReasoningRole::Reasoning) }
        ),
        kind!("REASONING_MESSAGE_CONTENT", ReasoningMessageContent { message_id: id(), delta: text() }),
        kind!("REASONING_MESSAGE_END", ReasoningMessageEnd { message_id: id() }),
        kind!(
            "REASONING_MESSAGE_CHUNK",
            ReasoningMessageChunk { message_id: maybe(id()), delta: maybe(text()) }
        ),
        kind!("REASONING_END", ReasoningEnd { message_id: id() }),
        kind!(
            "REASONING_ENCRYPTED_VALUE",
            ReasoningEncryptedValue {
                subtype: encrypted_subtype(),
                entity_id: text(),
                encrypted_value: text(),
            }
        ),
        kind!("STATE_SNAPSHOT", StateSnapshot { snapshot: json() }),
        kind!("STATE_DELTA", StateDelta { delta: many(operation()) }),
        kind!(
            "MESSAGES_SNAPSHOT",
            MessagesSnapshot {
                messages: many(
                    prop_oneof![message().prop_map(|message| serde_json::json!(message)), json()]
                        .prop_map(JsonText::from)
                ),
            }
        ),
        kind!(
            "ACTIVITY_SNAPSHOT",
            ActivitySnapshot {
                message_id: id(),
                activity_type: text(),
                content: object(),
                replace: maybe(any::<bool>()),
            }
        ),
        kind!(
            "ACTIVITY_DELTA",
            ActivityDelta { message_id: id(), activity_type: text(), patch: many(operation()) }
        ),
        kind!(
            "SUBAGENT_STARTED",
            SubagentStarted {
                subagent_run_id: id(),
                name: text(),
                description: maybe(text()),
                parent_subagent_run_id: maybe(id()),
                parent_tool_call_id: maybe(id()),
                parent_message_id: maybe(id()),
            }
        ),
        kind!(
            "SUBAGENT_FINISHED",
            SubagentFinished {
                subagent_run_id: id(),
                result: maybe(non_null()),
                outcome: maybe(subagent_outcome()),
            }
        ),
        kind!(
            "SUBAGENT_ERROR",
            SubagentError { subagent_run_id: id(), message: text(), code: maybe(text()) }
        ),
        kind!("RAW", Raw { event: json(), source: maybe(text()) }),
        kind!("CUSTOM", Custom { name: text(), value: json() }),
    ]
}

/// Generates the role of a text message.
pub fn text_role() -> impl Strategy<Value = TextRole> {
    select(vec![TextRole::Developer, TextRole::System, TextRole::Assistant, TextRole::User])
}

/// Generates what an encrypted value is attached to.
pub fn encrypted_subtype() -> impl Strategy<Value = EncryptedSubtype> {
    select(vec![EncryptedSubtype::Message, EncryptedSubtype::ToolCall])
}

/// Generates the outcome of a run.
pub fn run_outcome() -> impl Strategy<Value = RunOutcome> {
    prop_oneof![
        many(id()).prop_map(|pending_tool_call_ids| RunOutcome::Success { pending_tool_call_ids }),
        many(interrupt()).prop_map(|interrupts| RunOutcome::Interrupt { interrupts }),
        Just(RunOutcome::Cancelled),
    ]
}

/// Generates the outcome of a subagent's invocation.
pub fn subagent_outcome() -> impl Strategy<Value = SubagentOutcome> {
    prop_oneof![
        Just(SubagentOutcome::Success),
        many(id()).prop_map(|interrupt_ids| SubagentOutcome::Suspended { interrupt_ids }),
    ]
}

/// Generates an interrupt.
fn interrupt() -> impl Strategy<Value = Interrupt> {
    let required = (id(), text());
    let optional = (maybe(text()), maybe(id()), maybe(object()), maybe(text()), maybe(object()), maybe(id()));
    (required, optional).prop_map(|((id, reason), optional)| {
        let (message, tool_call_id, response_schema, expires_at, metadata, subagent_run_id) = optional;
        Interrupt {
            id,
            reason,
            message,
            tool_call_id,
            response_schema,
            expires_at,
            metadata,
            subagent_run_id,
        }
    })
}

/// Generates the token counts of one model.
fn usage() -> impl Strategy<Value = TokenUsage> {
    let count = || maybe(any::<u64>());
    (maybe(text()), maybe(text()), count(), count(), count(), count(), count(), count()).prop_map(|members| {
        let (provider, model, input_tokens, output_tokens, total_tokens, reasoning_tokens, read, write) =
            members;
        TokenUsage {
            provider,
            model,
            input_tokens,
            output_tokens,
            total_tokens,
            reasoning_tokens,
            cached_input_tokens: read,
            cache_write_input_tokens: write,
        }
    })
}

/// Generates an operation of a JSON Patch.
pub fn operation() -> impl Strategy<Value = PatchOperation> {
    use PatchOperation::{Add, Copy, Move, Remove, Replace, Test};
    prop_oneof![
        (text(), json()).prop_map(|(path, value)| Add { path, value }),
        text().prop_map(|path| Remove { path }),
        (text(), json()).prop_map(|(path, value)| Replace { path, value }),
        (text(), text()).prop_map(|(from, path)| Move { from, path }),
        (text(), text()).prop_map(|(from, path)| Copy { from, path }),
        (text(), json()).prop_map(|(path, value)| Test { path, value }),
    ]
}
