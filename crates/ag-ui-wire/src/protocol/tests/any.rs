//! Generators of all that the crate writes: every variant, with and without each optional member.
//!
//! Values are made with all their members named, so that one that is new does not compile here until it has a generator.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};
use serde_json::Value;

use crate::protocol::{
    AgentCapabilities, Content, ContentPart, Context, EncryptedSubtype, Event, EventKind, Execution,
    FunctionCall, HumanInTheLoop, Identity, Interrupt, JsonObject, Message, MessageBody, Modalities,
    MultiAgent, Multimodal, Output, PartKind, PatchOperation, Reasoning, ReasoningRole, ResumeEntry,
    ResumeStatus, RunAgentInput, RunOutcome, Source, StateSupport, Subagent, SubagentOutcome, TextRole,
    TokenUsage, Tool, ToolCall, ToolRole, ToolSupport, Transport,
};

/// The events of one type, with whatever every event may carry.
pub(super) fn event(kinds: BoxedStrategy<EventKind>) -> impl Strategy<Value = Event> {
    let base = (maybe(any::<i64>()), maybe(non_null()), maybe(object()), maybe(id()));
    (kinds, base).prop_map(|(kind, (timestamp, raw_event, metadata, subagent_run_id))| {
        // Events of a subagent's own life name it as what they are about.
        let subagent_run_id = subagent_run_id.filter(|_| !kind.type_name().starts_with("SUBAGENT_"));
        Event { kind, timestamp, raw_event, metadata, subagent_run_id }
    })
}

/// An event of any type.
pub(super) fn any_event() -> impl Strategy<Value = Event> {
    event(Union::new(kinds().into_iter().map(|(_, kinds)| kinds)).boxed())
}

/// The events of each type, in the order in which the types are listed.
pub(super) fn kinds() -> Vec<(&'static str, BoxedStrategy<EventKind>)> {
    use EventKind as E;
    /// A strategy for each member, and what is made of their values.
    macro_rules! made {
        ($name:literal, $variant:ident { $($member:ident: $strategy:expr),* $(,)? }) => {
            ($name, ($($strategy,)*).prop_map(|($($member,)*)| E::$variant { $($member),* }).boxed())
        };
    }
    vec![
        made!(
            "RUN_STARTED",
            RunStarted {
                thread_id: id(),
                run_id: id(),
                protocol_version: maybe(text()),
                parent_run_id: maybe(id()),
                input: maybe(input().prop_map(Box::new)),
            }
        ),
        made!(
            "RUN_FINISHED",
            RunFinished {
                thread_id: id(),
                run_id: id(),
                result: maybe(non_null()),
                outcome: maybe(run_outcome()),
                usage: many(usage()),
            }
        ),
        made!("RUN_ERROR", RunError { message: text(), code: maybe(text()), usage: many(usage()) }),
        made!("STEP_STARTED", StepStarted { step_name: text() }),
        made!("STEP_FINISHED", StepFinished { step_name: text() }),
        made!(
            "TEXT_MESSAGE_START",
            TextMessageStart { message_id: id(), role: maybe(text_role()), name: maybe(text()) }
        ),
        made!("TEXT_MESSAGE_CONTENT", TextMessageContent { message_id: id(), delta: text() }),
        made!("TEXT_MESSAGE_END", TextMessageEnd { message_id: id() }),
        made!(
            "TEXT_MESSAGE_CHUNK",
            TextMessageChunk {
                message_id: maybe(id()),
                role: maybe(text_role()),
                delta: maybe(text()),
                name: maybe(text()),
            }
        ),
        made!(
            "TOOL_CALL_START",
            ToolCallStart { tool_call_id: id(), tool_call_name: text(), parent_message_id: maybe(id()) }
        ),
        made!("TOOL_CALL_ARGS", ToolCallArgs { tool_call_id: id(), delta: text() }),
        made!("TOOL_CALL_END", ToolCallEnd { tool_call_id: id() }),
        made!(
            "TOOL_CALL_CHUNK",
            ToolCallChunk {
                tool_call_id: maybe(id()),
                tool_call_name: maybe(text()),
                parent_message_id: maybe(id()),
                delta: maybe(text()),
            }
        ),
        made!(
            "TOOL_CALL_RESULT",
            ToolCallResult {
                message_id: id(),
                tool_call_id: id(),
                content: content(),
                role: maybe(Just(ToolRole::Tool)),
            }
        ),
        made!("REASONING_START", ReasoningStart { message_id: id() }),
        made!(
            "REASONING_MESSAGE_START",
            ReasoningMessageStart { message_id: id(), role: Just(ReasoningRole::Reasoning) }
        ),
        made!("REASONING_MESSAGE_CONTENT", ReasoningMessageContent { message_id: id(), delta: text() }),
        made!("REASONING_MESSAGE_END", ReasoningMessageEnd { message_id: id() }),
        made!(
            "REASONING_MESSAGE_CHUNK",
            ReasoningMessageChunk { message_id: maybe(id()), delta: maybe(text()) }
        ),
        made!("REASONING_END", ReasoningEnd { message_id: id() }),
        made!(
            "REASONING_ENCRYPTED_VALUE",
            ReasoningEncryptedValue {
                subtype: encrypted_subtype(),
                entity_id: text(),
                encrypted_value: text(),
            }
        ),
        made!("STATE_SNAPSHOT", StateSnapshot { snapshot: json() }),
        made!("STATE_DELTA", StateDelta { delta: many(operation()) }),
        made!(
            "MESSAGES_SNAPSHOT",
            MessagesSnapshot {
                messages: many(prop_oneof![message().prop_map(|message| serde_json::json!(message)), json()]),
            }
        ),
        made!(
            "ACTIVITY_SNAPSHOT",
            ActivitySnapshot {
                message_id: id(),
                activity_type: text(),
                content: object(),
                replace: maybe(any::<bool>()),
            }
        ),
        made!(
            "ACTIVITY_DELTA",
            ActivityDelta { message_id: id(), activity_type: text(), patch: many(operation()) }
        ),
        made!(
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
        made!(
            "SUBAGENT_FINISHED",
            SubagentFinished {
                subagent_run_id: id(),
                result: maybe(non_null()),
                outcome: maybe(subagent_outcome()),
            }
        ),
        made!(
            "SUBAGENT_ERROR",
            SubagentError { subagent_run_id: id(), message: text(), code: maybe(text()) }
        ),
        made!("RAW", Raw { event: json(), source: maybe(text()) }),
        made!("CUSTOM", Custom { name: text(), value: json() }),
    ]
}

pub(super) fn text_role() -> impl Strategy<Value = TextRole> {
    select(vec![TextRole::Developer, TextRole::System, TextRole::Assistant, TextRole::User])
}

pub(super) fn encrypted_subtype() -> impl Strategy<Value = EncryptedSubtype> {
    select(vec![EncryptedSubtype::Message, EncryptedSubtype::ToolCall])
}

pub(super) fn run_outcome() -> impl Strategy<Value = RunOutcome> {
    prop_oneof![
        many(id()).prop_map(|pending_tool_call_ids| RunOutcome::Success { pending_tool_call_ids }),
        many(interrupt()).prop_map(|interrupts| RunOutcome::Interrupt { interrupts }),
        Just(RunOutcome::Cancelled),
    ]
}

pub(super) fn subagent_outcome() -> impl Strategy<Value = SubagentOutcome> {
    prop_oneof![
        Just(SubagentOutcome::Success),
        many(id()).prop_map(|interrupt_ids| SubagentOutcome::Suspended { interrupt_ids }),
    ]
}

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

pub(super) fn operation() -> impl Strategy<Value = PatchOperation> {
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

pub(super) fn input() -> impl Strategy<Value = RunAgentInput> {
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
            // What a server keeps beside the input is not written.
            as_received: None,
        }
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    (text(), text(), maybe(non_null()), maybe(object())).prop_map(
        |(name, description, parameters, metadata)| Tool { name, description, parameters, metadata },
    )
}

fn context() -> impl Strategy<Value = Context> {
    (text(), text()).prop_map(|(description, value)| Context { description, value })
}

fn answer() -> impl Strategy<Value = ResumeEntry> {
    (id(), resume_status(), maybe(non_null()), maybe(object())).prop_map(
        |(interrupt_id, status, payload, metadata)| ResumeEntry { interrupt_id, status, payload, metadata },
    )
}

pub(super) fn resume_status() -> impl Strategy<Value = ResumeStatus> {
    select(vec![ResumeStatus::Resolved, ResumeStatus::Cancelled])
}

pub(super) fn message() -> impl Strategy<Value = Message> {
    (id(), body(), maybe(text()), maybe(text()), maybe(object()), maybe(id())).prop_map(
        |(id, body, name, encrypted_value, metadata, subagent_run_id)| Message {
            id,
            body,
            name,
            encrypted_value,
            metadata,
            subagent_run_id,
        },
    )
}

pub(super) fn body() -> impl Strategy<Value = MessageBody> {
    use MessageBody as B;
    prop_oneof![
        text().prop_map(|content| B::Developer { content }),
        text().prop_map(|content| B::System { content }),
        (maybe(text()), many(call())).prop_map(|(content, tool_calls)| B::Assistant { content, tool_calls }),
        content().prop_map(|content| B::User { content }),
        (id(), content(), maybe(text())).prop_map(|(tool_call_id, content, error)| B::Tool {
            tool_call_id,
            content,
            error
        }),
        text().prop_map(|content| B::Reasoning { content }),
        (text(), object()).prop_map(|(activity_type, content)| B::Activity { activity_type, content }),
    ]
}

fn call() -> impl Strategy<Value = ToolCall> {
    (id(), text(), text(), maybe(text()), maybe(object())).prop_map(
        |(id, name, arguments, encrypted_value, metadata)| ToolCall {
            id,
            function: FunctionCall { name, arguments },
            encrypted_value,
            metadata,
        },
    )
}

pub(super) fn content() -> impl Strategy<Value = Content> {
    prop_oneof![text().prop_map(Content::Text), many(part()).prop_map(Content::Parts)]
}

pub(super) fn part() -> impl Strategy<Value = ContentPart> {
    (part_kind(), maybe(text()), maybe(non_null())).prop_map(|(kind, id, metadata)| ContentPart {
        kind,
        id,
        metadata,
    })
}

pub(super) fn part_kind() -> impl Strategy<Value = PartKind> {
    prop_oneof![
        text().prop_map(|text| PartKind::Text { text }),
        source().prop_map(|source| PartKind::Image { source }),
        source().prop_map(|source| PartKind::Audio { source }),
        source().prop_map(|source| PartKind::Video { source }),
        source().prop_map(|source| PartKind::Document { source }),
    ]
}

pub(super) fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        (text(), text()).prop_map(|(value, mime_type)| Source::Data { value, mime_type }),
        (text(), maybe(text())).prop_map(|(value, mime_type)| Source::Url { value, mime_type }),
        (text(), maybe(text()), maybe(text())).prop_map(|(value, provider, mime_type)| Source::File {
            value,
            provider,
            mime_type
        }),
    ]
}

pub(super) fn capabilities() -> impl Strategy<Value = AgentCapabilities> {
    let first = (maybe(identity()), maybe(transport()), maybe(tool_support()), maybe(output()));
    let second = (maybe(state_support()), maybe(multi_agent()), maybe(reasoning()), maybe(multimodal()));
    let third = (maybe(execution()), maybe(human_in_the_loop()), maybe(object()));
    (first, second, third).prop_map(|(first, second, third)| {
        let (identity, transport, tools, output) = first;
        let (state, multi_agent, reasoning, multimodal) = second;
        let (execution, human_in_the_loop, custom) = third;
        AgentCapabilities {
            identity,
            transport,
            tools,
            output,
            state,
            multi_agent,
            reasoning,
            multimodal,
            execution,
            human_in_the_loop,
            custom,
        }
    })
}

fn identity() -> impl Strategy<Value = Identity> {
    let texts = (maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    (texts, maybe(object())).prop_map(|((name, r#type, description, version, provider, url), metadata)| {
        Identity { name, r#type, description, version, provider, documentation_url: url, metadata }
    })
}

fn transport() -> impl Strategy<Value = Transport> {
    (flag(), flag(), flag(), flag(), flag()).prop_map(
        |(streaming, websocket, http_binary, push_notifications, resumable)| Transport {
            streaming,
            websocket,
            http_binary,
            push_notifications,
            resumable,
        },
    )
}

fn tool_support() -> impl Strategy<Value = ToolSupport> {
    (flag(), maybe(many(tool())), flag(), flag()).prop_map(
        |(supported, items, parallel_calls, client_provided)| ToolSupport {
            supported,
            items,
            parallel_calls,
            client_provided,
        },
    )
}

fn output() -> impl Strategy<Value = Output> {
    (flag(), maybe(many(text()))).prop_map(|(structured_output, supported_mime_types)| Output {
        structured_output,
        supported_mime_types,
    })
}

fn state_support() -> impl Strategy<Value = StateSupport> {
    (flag(), flag(), flag(), flag()).prop_map(|(snapshots, deltas, memory, persistent_state)| StateSupport {
        snapshots,
        deltas,
        memory,
        persistent_state,
    })
}

fn multi_agent() -> impl Strategy<Value = MultiAgent> {
    let subagent = (text(), maybe(text())).prop_map(|(name, description)| Subagent { name, description });
    (flag(), flag(), flag(), maybe(many(subagent))).prop_map(
        |(supported, delegation, handoffs, subagents)| MultiAgent {
            supported,
            delegation,
            handoffs,
            subagents,
        },
    )
}

fn reasoning() -> impl Strategy<Value = Reasoning> {
    (flag(), flag(), flag()).prop_map(|(supported, streaming, encrypted)| Reasoning {
        supported,
        streaming,
        encrypted,
    })
}

fn multimodal() -> impl Strategy<Value = Multimodal> {
    (maybe(modalities()), maybe(modalities())).prop_map(|(input, output)| Multimodal { input, output })
}

fn modalities() -> impl Strategy<Value = Modalities> {
    (flag(), flag(), flag(), flag(), flag()).prop_map(|(image, audio, video, pdf, file)| Modalities {
        image,
        audio,
        video,
        pdf,
        file,
    })
}

fn execution() -> impl Strategy<Value = Execution> {
    (flag(), flag(), maybe(any::<u64>()), maybe(any::<u64>())).prop_map(
        |(code_execution, sandboxed, max_iterations, max_execution_time)| Execution {
            code_execution,
            sandboxed,
            max_iterations,
            max_execution_time,
        },
    )
}

fn human_in_the_loop() -> impl Strategy<Value = HumanInTheLoop> {
    (flag(), flag(), flag(), flag(), flag(), flag()).prop_map(
        |(supported, approvals, interventions, feedback, interrupts, approve_with_edits)| HumanInTheLoop {
            supported,
            approvals,
            interventions,
            feedback,
            interrupts,
            approve_with_edits,
        },
    )
}

fn flag() -> impl Strategy<Value = Option<bool>> {
    maybe(any::<bool>())
}

fn maybe<S: Strategy>(of: S) -> impl Strategy<Value = Option<S::Value>> {
    prop::option::of(of)
}

fn many<S: Strategy>(of: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop::collection::vec(of, 0..3)
}

fn id<T: From<String> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    text().prop_map(T::from)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9/~_ -]{0,8}", prop::collection::vec(any::<char>(), 0..4).prop_map(String::from_iter)]
}

fn object() -> impl Strategy<Value = JsonObject> {
    prop::collection::vec((text(), json()), 0..3).prop_map(JsonObject::from_iter)
}

/// What an optional member may be.
fn non_null() -> impl Strategy<Value = Value> {
    json().prop_map(|value| if value.is_null() { Value::from("null") } else { value })
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Numbers of many digits may lose their last one in JSON.
        any::<i16>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..3)
                .prop_map(|members| Value::Object(JsonObject::from_iter(members))),
        ]
    })
}
