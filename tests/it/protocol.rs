//! AG-UI on the wire: all 31 events, and every role, part and outcome, with all optional members and with none.

use std::collections::BTreeSet;

use ag_ui_lambda::protocol::{
    Content, ContentPart, Context, EncryptedSubtype, Event, EventKind, FunctionCall, Interrupt, JsonObject,
    Message, MessageBody, PartKind, PatchOperation, ReasoningRole, ResumeEntry, ResumeStatus, RunAgentInput,
    RunOutcome, Source, SubagentOutcome, TextRole, TokenUsage, Tool, ToolCall, ToolRole, sse,
};
use serde_json::{Value, json};

/// Whether all optional members are present or absent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Full,
    Bare,
}

impl Form {
    /// Returns the value in the full form; `None` in the bare form.
    fn some<T>(self, value: impl Into<T>) -> Option<T> {
        (self == Self::Full).then(|| value.into())
    }

    /// Returns the items in the full form; an empty list in the bare form.
    fn many<T>(self, items: Vec<T>) -> Vec<T> {
        if self == Self::Full { items } else { Vec::new() }
    }

    /// Returns metadata in the full form.
    fn metadata(self) -> Option<JsonObject> {
        // A null inside of free-form data is data.
        self.some(JsonObject::from_iter([("com.acme".to_owned(), json!({"note": null}))]))
    }
}

/// Returns every kind of event.
fn kinds(form: Form) -> Vec<EventKind> {
    use EventKind as E;
    let m = || "m1".into();
    let c = || "c1".into();
    let s = || "s1".into();
    let some = |text: &str| form.some(text);
    vec![
        E::RunStarted {
            thread_id: "t".into(),
            run_id: "r".into(),
            protocol_version: form.some("1.0"),
            parent_run_id: form.some("r0"),
            input: form.some(Box::new(input(form))),
        },
        E::RunFinished {
            thread_id: "t".into(),
            run_id: "r".into(),
            result: form.some(json!({"done": true})),
            outcome: form.some(RunOutcome::Success { pending_tool_call_ids: vec![c()] }),
            usage: form.many(vec![usage(form)]),
        },
        E::RunError { message: "Sorry.".into(), code: some("INTERNAL"), usage: form.many(vec![usage(form)]) },
        E::StepStarted { step_name: "plan".into() },
        E::StepFinished { step_name: "plan".into() },
        E::TextMessageStart { message_id: m(), role: form.some(TextRole::Assistant), name: some("ada") },
        E::TextMessageContent { message_id: m(), delta: String::new() },
        E::TextMessageEnd { message_id: m() },
        E::TextMessageChunk {
            message_id: form.some("m1"),
            role: form.some(TextRole::Developer),
            delta: some("hi"),
            name: some("ada"),
        },
        E::ToolCallStart {
            tool_call_id: c(),
            tool_call_name: "f".into(),
            parent_message_id: form.some("m1"),
        },
        E::ToolCallArgs { tool_call_id: c(), delta: "{}".into() },
        E::ToolCallEnd { tool_call_id: c() },
        E::ToolCallChunk {
            tool_call_id: form.some("c1"),
            tool_call_name: some("f"),
            parent_message_id: form.some("m1"),
            delta: some("{}"),
        },
        E::ToolCallResult {
            message_id: m(),
            tool_call_id: c(),
            content: if form == Form::Full {
                Content::Parts(parts(form))
            } else {
                Content::Text(String::new())
            },
            role: form.some(ToolRole::Tool),
        },
        E::ReasoningStart { message_id: m() },
        E::ReasoningMessageStart { message_id: m(), role: ReasoningRole::Reasoning },
        E::ReasoningMessageContent { message_id: m(), delta: "hm".into() },
        E::ReasoningMessageEnd { message_id: m() },
        E::ReasoningMessageChunk { message_id: form.some("m1"), delta: some("hm") },
        E::ReasoningEnd { message_id: m() },
        E::ReasoningEncryptedValue {
            subtype: if form == Form::Full { EncryptedSubtype::ToolCall } else { EncryptedSubtype::Message },
            entity_id: "c1".into(),
            encrypted_value: "b64".into(),
        },
        E::StateSnapshot { snapshot: Value::Null },
        E::StateDelta { delta: patch() },
        E::MessagesSnapshot {
            messages: messages(form).iter().map(|message| json!(message).into()).collect(),
        },
        E::ActivitySnapshot {
            message_id: m(),
            activity_type: "search".into(),
            content: JsonObject::new(),
            replace: form.some(false),
        },
        E::ActivityDelta { message_id: m(), activity_type: "search".into(), patch: patch() },
        E::SubagentStarted {
            subagent_run_id: s(),
            name: "scout".into(),
            description: some("Looks ahead."),
            parent_subagent_run_id: form.some("s0"),
            parent_tool_call_id: form.some("c1"),
            parent_message_id: form.some("m1"),
        },
        E::SubagentFinished {
            subagent_run_id: s(),
            result: form.some(json!(1)),
            outcome: form.some(SubagentOutcome::Suspended { interrupt_ids: vec!["i1".into()] }),
        },
        E::SubagentError { subagent_run_id: s(), message: "Sorry.".into(), code: some("LOST") },
        E::Raw { event: Value::Null, source: some("elsewhere") },
        E::Custom { name: "com.acme.x".into(), value: Value::Null },
    ]
}

/// Returns the input of a run.
fn input(form: Form) -> RunAgentInput {
    RunAgentInput {
        thread_id: "t".into(),
        run_id: "r".into(),
        protocol_version: form.some("1.0"),
        parent_run_id: form.some("r0"),
        state: form.some(json!({"a": null})),
        messages: messages(form),
        tools: form.many(vec![Tool {
            name: "f".into(),
            description: "Does.".into(),
            parameters: form.some(json!({"type": "object"})),
            metadata: form.metadata(),
        }]),
        context: form.many(vec![Context { description: "page".into(), value: "/home".into() }]),
        forwarded_props: form.some(json!({})),
        resume: form.many(vec![ResumeEntry {
            interrupt_id: "i1".into(),
            status: ResumeStatus::Resolved,
            payload: form.some(json!({"approved": true})),
            metadata: form.metadata(),
        }]),
        original_messages: None,
    }
}

/// Returns a message of each role.
fn messages(form: Form) -> Vec<Message> {
    let text = || "text".to_owned();
    let call = ToolCall {
        id: "c1".into(),
        function: FunctionCall { name: "f".into(), arguments: "{}".into() },
        encrypted_value: form.some("b64"),
        metadata: form.metadata(),
    };
    let bodies = [
        MessageBody::Developer { content: text() },
        MessageBody::System { content: text() },
        MessageBody::Assistant { content: form.some("text"), tool_calls: form.many(vec![call]) },
        MessageBody::User { content: Content::Text(text()) },
        MessageBody::User { content: Content::Parts(parts(form)) },
        MessageBody::Tool {
            tool_call_id: "c1".into(),
            content: Content::Text(text()),
            error: form.some("declined"),
        },
        MessageBody::Reasoning { content: text() },
        MessageBody::Activity { activity_type: "search".into(), content: JsonObject::new() },
    ];
    let named = |body: &MessageBody| {
        !matches!(
            body,
            MessageBody::Tool { .. } | MessageBody::Reasoning { .. } | MessageBody::Activity { .. }
        )
    };
    let encrypted = |body: &MessageBody| !matches!(body, MessageBody::Activity { .. });
    let message = |(index, body): (usize, MessageBody)| Message {
        id: format!("m{index}").into(),
        name: form.some("ada").filter(|_| named(&body)),
        encrypted_value: form.some("b64").filter(|_| encrypted(&body)),
        metadata: form.metadata(),
        subagent_run_id: form.some("s1"),
        body,
    };
    bodies.into_iter().enumerate().map(message).collect()
}

/// Returns a part of each kind.
fn parts(form: Form) -> Vec<ContentPart> {
    let mime = || form.some("image/png");
    let kinds = [
        PartKind::Text { text: "text".into() },
        PartKind::Image { source: Source::Data { value: "AA==".into(), mime_type: "image/png".into() } },
        PartKind::Audio { source: Source::Url { value: "https://a.example/s".into(), mime_type: mime() } },
        PartKind::Video {
            source: Source::File { value: "f".into(), provider: form.some("acme"), mime_type: mime() },
        },
        PartKind::Document { source: Source::Url { value: "https://a.example/d".into(), mime_type: mime() } },
    ];
    let part = |kind| ContentPart { kind, id: form.some("p1"), metadata: form.some(json!({"page": 1})) };
    kinds.into_iter().map(part).collect()
}

/// Returns each operation of a JSON Patch.
fn patch() -> Vec<PatchOperation> {
    let (path, from, value) = ("/a".to_owned(), "/b".to_owned(), Value::Null);
    vec![
        PatchOperation::Add { path: path.clone(), value: value.clone() },
        PatchOperation::Replace { path: path.clone(), value: value.clone() },
        PatchOperation::Test { path: path.clone(), value },
        PatchOperation::Copy { from: from.clone(), path: path.clone() },
        PatchOperation::Move { from, path: path.clone() },
        PatchOperation::Remove { path },
    ]
}

/// Returns a token usage.
fn usage(form: Form) -> TokenUsage {
    TokenUsage {
        provider: form.some("acme"),
        model: form.some("m"),
        input_tokens: form.some(10_u64),
        output_tokens: form.some(5_u64),
        total_tokens: form.some(15_u64),
        reasoning_tokens: form.some(1_u64),
        cached_input_tokens: form.some(2_u64),
        cache_write_input_tokens: form.some(3_u64),
    }
}

/// Returns an interrupt.
fn interrupt(form: Form) -> Interrupt {
    Interrupt {
        id: "i1".into(),
        reason: "tool_call".into(),
        message: form.some("May I?"),
        tool_call_id: form.some("c1"),
        response_schema: form.some(JsonObject::new()),
        expires_at: form.some("2026-11-22T12:00:00Z"),
        metadata: form.metadata(),
        subagent_run_id: form.some("s1"),
    }
}

/// Returns every type of event in both forms, and every outcome.
fn events() -> Vec<Event> {
    let finished = |outcome| EventKind::RunFinished {
        thread_id: "t".into(),
        run_id: "r".into(),
        result: None,
        outcome: Some(outcome),
        usage: Vec::new(),
    };
    let further = [
        finished(RunOutcome::Success { pending_tool_call_ids: Vec::new() }),
        finished(RunOutcome::Interrupt { interrupts: vec![interrupt(Form::Full), interrupt(Form::Bare)] }),
        finished(RunOutcome::Cancelled),
        EventKind::SubagentFinished {
            subagent_run_id: "s1".into(),
            result: None,
            outcome: Some(SubagentOutcome::Success),
        },
    ];
    let full = kinds(Form::Full).into_iter().map(|kind| Event {
        timestamp: Some(1_790_000_000_000),
        raw_event: Some(json!({"provider": "own"})),
        metadata: Form::Full.metadata(),
        ..Event::from(kind)
    });
    full.chain(kinds(Form::Bare).into_iter().chain(further).map(Event::from)).collect()
}

/// Returns the types of all events in a form.
fn types(form: Form) -> BTreeSet<String> {
    let kinds = kinds(form).into_iter().map(|kind| serde_json::to_value(kind).unwrap());
    kinds.map(|kind| kind["type"].as_str().unwrap().to_owned()).collect()
}

/// Returns the types of all events.
pub(crate) fn all_types() -> BTreeSet<String> {
    types(Form::Bare)
}

#[test]
fn there_are_31_events() {
    for form in [Form::Full, Form::Bare] {
        assert_eq!(types(form).len(), 31, "{:?}", types(form));
    }
}

#[test]
fn absent_fields_are_omitted_not_null() {
    for kind in kinds(Form::Bare) {
        let event = serde_json::to_value(Event::from(kind)).unwrap();
        let nulls = event.as_object().unwrap().iter().filter(|(_, value)| value.is_null());
        // Three members may be any JSON, including null.
        let nulls: Vec<_> = nulls.map(|(name, _)| name.as_str()).collect();
        assert!(nulls.iter().all(|name| ["snapshot", "event", "value"].contains(name)), "{event}");
    }
}

#[test]
fn every_event_is_one_single_line_frame() {
    let stream = String::from_utf8(stream()).unwrap();
    let frames: Vec<_> = stream.split_terminator("\n\n").collect();

    assert_eq!(frames.len(), events().len());
    assert!(
        frames.iter().all(|frame| frame.starts_with("data: {\"type\":\"") && !frame.contains(['\n', '\r']))
    );
}

/// Returns a stream of all events, as frames. Their order does not form a valid run.
fn stream() -> Vec<u8> {
    events().iter().flat_map(sse::frame).collect()
}

#[tokio::test]
async fn every_event_fits_the_protocol_schemas() {
    let file = crate::support::recording("all-events.sse");
    std::fs::write(&file, stream()).unwrap();

    crate::support::oracles::check_frames(&file).await.unwrap_or_else(|refusal| panic!("{refusal}"));
}
