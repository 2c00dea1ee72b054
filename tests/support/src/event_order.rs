//! Checks the order of events by the client's rules, which are ported from the specification and not from this crate's code.
//!
//! Source: `verifyEvents` of `@ag-ui/client` 1.0.0, and what AG-UI 1.0 demands beyond it: a terminal event,
//! the ids of RUN_STARTED in RUN_FINISHED, and `pendingToolCallIds` equal to the calls without a result. Patches are
//! applied as the client does, by another crate than the one that creates them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::conversation::Conversation;

/// Checks the events of a complete run. An error names the first event that breaks a rule, and the rule.
pub fn check<'a>(events: impl IntoIterator<Item = &'a Value>) -> Result<(), String> {
    Client::default().read(events).map(drop)
}

/// Returns the ids of the calls in the messages of an input (or of a MESSAGES_SNAPSHOT) that have no result.
fn open_calls(input: &Value) -> Vec<String> {
    let messages = input["messages"].as_array().into_iter().flatten();
    let of = |role: &'static str| messages.clone().filter(move |message| message["role"] == role);
    let answered: BTreeSet<&str> = of("tool").filter_map(|message| message["toolCallId"].as_str()).collect();
    let calls = of("assistant").flat_map(|message| message["toolCalls"].as_array().into_iter().flatten());
    let ids = calls.filter(|call| call["type"] == "function").filter_map(|call| call["id"].as_str());
    ids.filter(|id| !answered.contains(id)).map(ToOwned::to_owned).collect()
}

/// Checks the events of a complete run that was started with `input`, whose calls without a result the run may answer.
pub fn check_run<'a>(input: &Value, events: impl IntoIterator<Item = &'a Value>) -> Result<(), String> {
    Client::for_input(input).read(events).map(drop)
}

/// A client's knowledge while it reads the events of a run.
#[derive(Default)]
pub struct Client {
    /// The shared state; `None` before the first snapshot.
    pub state: Option<Value>,
    /// The ids and contents of the activity messages, in order of appearance.
    pub activities: Vec<(String, Value)>,
    steps: BTreeSet<String>,
    run: Option<(Value, Value)>,
    has_ended: bool,
    texts: BTreeSet<String>,
    reasoning: BTreeSet<String>,
    spans: BTreeSet<String>,
    open_calls: BTreeMap<String, String>,
    unanswered: Vec<String>,
    /// Calls of the history that have no result.
    earlier_calls: Vec<String>,
    seen_calls: BTreeSet<String>,
    seen_messages: BTreeSet<String>,
    /// The messages, built event by event.
    pub messages: Conversation,
    is_legacy: bool,
    /// Whether the run answers interrupts. Such a run always has a RUN_FINISHED, which a RUN_ERROR may follow.
    is_resuming: bool,
    has_finished: bool,
    has_failed: bool,
    /// The number of events read so far.
    count: usize,
    /// The messages of a snapshot. Only the end may follow it, unless it was the first event of the run.
    pub snapshot_messages: Option<Vec<Value>>,
}

impl Client {
    /// Creates the client that has sent this input: with its open calls, and resuming if the input answers interrupts.
    pub fn for_input(input: &Value) -> Self {
        let client = Self::with_open_calls(open_calls(input));
        let answers = input["resume"].as_array().is_some_and(|answers| !answers.is_empty());
        if answers { client.resuming() } else { client }
    }

    /// Creates a client whose history has calls with these ids and without a result.
    pub fn with_open_calls(open: Vec<String>) -> Self {
        let seen_calls = open.iter().cloned().collect();
        Self { earlier_calls: open, seen_calls, ..Self::default() }
    }

    /// Sets the messages that the client has before the run.
    pub fn with_messages(self, messages: Vec<Value>) -> Self {
        Self { messages: Conversation(messages), ..self }
    }

    /// Makes this a client before 1.0, which knows fewer outcomes and reads only text as a tool's result.
    pub fn legacy(self) -> Self {
        Self { is_legacy: true, ..self }
    }

    /// Makes this a client that has answered interrupts, so that the run must have a RUN_FINISHED.
    pub fn resuming(self) -> Self {
        Self { is_resuming: true, ..self }
    }

    /// Reads the events of a complete run. Returns what the client knows afterwards; an error names the first event that
    /// breaks a rule, and the rule.
    pub fn read<'a>(mut self, events: impl IntoIterator<Item = &'a Value>) -> Result<Self, String> {
        for (index, event) in events.into_iter().enumerate() {
            self.apply(event).map_err(|rule| format!("event {index} ({}): {rule}", event["type"]))?;
            self.messages.apply(event);
            self.count += 1;
        }
        if self.is_resuming && !self.has_finished {
            Err("a run that answers interrupts ends without RUN_FINISHED".into())
        } else if self.has_ended {
            Ok(self)
        } else {
            Err("the stream ends without RUN_FINISHED or RUN_ERROR".into())
        }
    }

    /// Checks one event and updates what the client knows. An error is the rule that the event breaks.
    fn apply(&mut self, event: &Value) -> Result<(), String> {
        let kind = event["type"].as_str().ok_or("has no type")?;
        let is_late_error = self.is_resuming && self.has_finished && !self.has_failed && kind == "RUN_ERROR";
        if self.has_ended && !is_late_error {
            return Err("comes after the end".into());
        }
        if self.run.is_none() && kind != "RUN_STARTED" && kind != "RUN_ERROR" {
            return Err("comes before RUN_STARTED".into());
        }
        if self.count == 2 && !kind.starts_with("RUN_") {
            // A snapshot directly after RUN_STARTED contains the messages from which the run begins.
            self.snapshot_messages = None;
        }
        if self.snapshot_messages.is_some() && !kind.starts_with("RUN_") {
            return Err("comes after the messages, which only the end may follow".into());
        }
        if !event["timestamp"].is_i64() {
            return Err("has no integer timestamp".into());
        }
        let id = |key: &str| event[key].as_str().map(ToOwned::to_owned).ok_or(format!("has no {key}"));
        match kind {
            "RUN_STARTED" => {
                let ids = (event["threadId"].clone(), event["runId"].clone());
                if self.run.replace(ids).is_some() {
                    return Err("a run is active".into());
                }
                expect(event["protocolVersion"] == "1.0", "declares no protocolVersion")
            }
            "TEXT_MESSAGE_START" => {
                let id = id("messageId")?;
                expect(self.seen_messages.insert(id.clone()), "reuses a message id")?;
                expect(self.texts.insert(id), "the message is open")
            }
            "TEXT_MESSAGE_CONTENT" => {
                expect(event["delta"].as_str().is_some_and(|delta| !delta.is_empty()), "the delta is empty")?;
                expect(self.texts.contains(&id("messageId")?), "the message is not open")
            }
            "TEXT_MESSAGE_END" => expect(self.texts.remove(&id("messageId")?), "the message is not open"),
            "REASONING_START" => expect(self.spans.insert(id("messageId")?), "the span is open"),
            "REASONING_END" => expect(self.spans.remove(&id("messageId")?), "the span is not open"),
            "REASONING_MESSAGE_START" => {
                expect(event["role"] == "reasoning", "has no role")?;
                let id = id("messageId")?;
                expect(self.seen_messages.insert(id.clone()), "reuses a message id")?;
                expect(self.reasoning.insert(id), "the message is open")
            }
            "REASONING_MESSAGE_CONTENT" => {
                expect(self.reasoning.contains(&id("messageId")?), "the message is not open")
            }
            "REASONING_MESSAGE_END" => {
                expect(self.reasoning.remove(&id("messageId")?), "the message is not open")
            }
            "REASONING_ENCRYPTED_VALUE" => {
                let owner = id("entityId")?;
                expect(!id("encryptedValue")?.is_empty(), "has no value")?;
                match event["subtype"].as_str() {
                    Some("message") => expect(self.seen_messages.contains(&owner), "is no message's"),
                    Some("tool-call") => expect(self.seen_calls.contains(&owner), "is no call's"),
                    _ => Err("has no subtype".into()),
                }
            }
            "TOOL_CALL_START" => {
                let call = id("toolCallId")?;
                expect(self.seen_calls.insert(call.clone()), "reuses a call id")?;
                expect(event["parentMessageId"].is_string(), "has no parent")?;
                self.open_calls.insert(call.clone(), String::new());
                self.unanswered.push(call);
                Ok(())
            }
            "TOOL_CALL_ARGS" => {
                let arguments = self.open_calls.get_mut(&id("toolCallId")?).ok_or("the call is not open")?;
                arguments.push_str(event["delta"].as_str().ok_or("has no delta")?);
                Ok(())
            }
            "TOOL_CALL_END" => {
                let arguments = self.open_calls.remove(&id("toolCallId")?).ok_or("the call is not open")?;
                expect(!arguments.is_empty(), "the call has no arguments at all")
            }
            "TOOL_CALL_RESULT" => {
                let call = id("toolCallId")?;
                expect(self.seen_messages.insert(id("messageId")?), "reuses a message id")?;
                expect(!self.open_calls.contains_key(&call), "the call's arguments still stream")?;
                expect(!self.is_legacy || event["content"].is_string(), "the content is no text")?;
                for calls in [&mut self.unanswered, &mut self.earlier_calls] {
                    if let Some(at) = calls.iter().position(|known| *known == call) {
                        calls.remove(at);
                        return Ok(());
                    }
                }
                Err("the call is unknown or answered".into())
            }
            "STEP_STARTED" => expect(self.steps.insert(id("stepName")?), "a step of that name is open"),
            "STEP_FINISHED" => expect(self.steps.remove(&id("stepName")?), "the step is not open"),
            "STATE_SNAPSHOT" => {
                self.state = Some(event.get("snapshot").ok_or("has no snapshot")?.clone());
                Ok(())
            }
            "STATE_DELTA" => patch(self.state.as_mut().ok_or("comes before a snapshot")?, &event["delta"]),
            "MESSAGES_SNAPSHOT" => {
                let messages = event["messages"].as_array().ok_or("has no messages")?;
                let ids: BTreeSet<&str> =
                    messages.iter().filter_map(|message| message["id"].as_str()).collect();
                expect(ids.len() == messages.len(), "two messages have one id, or one has none")?;
                self.snapshot_messages = Some(messages.clone());
                if self.count == 1 {
                    self.earlier_calls = open_calls(event);
                    self.seen_calls.extend(self.earlier_calls.iter().cloned());
                    self.messages = Conversation(messages.clone());
                }
                self.expect_nothing_open()
            }
            "ACTIVITY_SNAPSHOT" => {
                let (id, content) = (id("messageId")?, event["content"].clone());
                expect(event["activityType"].is_string(), "has no type")?;
                expect(content.is_object(), "the content is no object")?;
                match self.activities.iter_mut().find(|(known, _)| *known == id) {
                    Some((_, known)) => *known = content,
                    None => {
                        expect(self.seen_messages.insert(id.clone()), "reuses a message id")?;
                        self.activities.push((id, content));
                    }
                }
                Ok(())
            }
            "ACTIVITY_DELTA" => {
                let id = id("messageId")?;
                let known = self.activities.iter_mut().find(|(known, _)| *known == id);
                let (_, content) = known.ok_or("the activity is not known")?;
                patch(content, &event["patch"])?;
                expect(content.is_object(), "the content is no object any more")
            }
            "CUSTOM" => {
                let name = id("name")?;
                expect(name == "PredictState" || name.contains(['.', ':']), "the name has no prefix")?;
                expect(event.get("value").is_some(), "has no value")
            }
            "RUN_FINISHED" => {
                self.has_ended = true;
                self.has_finished = true;
                let (thread, run) = self.run.as_ref().ok_or("no run is active")?;
                expect(event["threadId"] == *thread && event["runId"] == *run, "names another run")?;
                self.expect_nothing_open()?;
                match event["outcome"]["type"].as_str() {
                    Some("success") if self.is_legacy => {
                        expect(event["outcome"]["pendingToolCallIds"].is_null(), "lists pending calls")
                    }
                    Some("cancelled") if self.is_legacy => expect(false, "the outcome is unknown"),
                    Some("success") => {
                        let pending: Vec<String> =
                            serde_json::from_value(event["outcome"]["pendingToolCallIds"].clone())
                                .unwrap_or_default();
                        expect(
                            pending == self.unanswered,
                            "pendingToolCallIds are not the calls without a result",
                        )
                    }
                    Some("interrupt") => {
                        expect(event["outcome"]["pendingToolCallIds"].is_null(), "lists pending calls")?;
                        let interrupts = event["outcome"]["interrupts"].as_array();
                        let interrupts = interrupts.filter(|list| !list.is_empty());
                        let mut ids = BTreeSet::new();
                        for interrupt in interrupts.ok_or("an interrupt asks nothing")? {
                            let id = interrupt["id"].as_str().ok_or("an interrupt has no id")?;
                            expect(ids.insert(id), "two interrupts have one id")?;
                            expect(interrupt["reason"].is_string(), "an interrupt has no reason")?;
                            let call = interrupt["toolCallId"].as_str().ok_or("an interrupt has no call")?;
                            let waits = |calls: &[String]| calls.iter().any(|known| known == call);
                            expect(
                                waits(&self.unanswered) || waits(&self.earlier_calls),
                                "an interrupt is about a call that is unknown or answered",
                            )?;
                        }
                        Ok(())
                    }
                    Some("cancelled") => expect(event["result"].is_null(), "a cancelled run has a result"),
                    other => Err(format!("has an unexpected outcome {other:?}")),
                }
            }
            "RUN_ERROR" => {
                self.has_ended = true;
                self.has_failed = true;
                expect(event["code"].is_string(), "has no code")?;
                self.expect_nothing_open()
            }
            other => Err(format!("is an event this crate does not send: {other}")),
        }
    }

    /// Returns an error if a message, a span of reasoning, a call or a step is still open.
    fn expect_nothing_open(&self) -> Result<(), String> {
        let open = self.texts.len() + self.reasoning.len() + self.spans.len() + self.open_calls.len();
        expect(open + self.steps.len() == 0, "something is still open")
    }
}

/// Applies a JSON Patch to a document as clients do: completely or not at all. A path into a JavaScript prototype is an
/// error.
fn patch(document: &mut Value, patch: &Value) -> Result<(), String> {
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|fault| fault.to_string())?;
    expect(!patch.is_empty(), "the patch is empty")?;
    for operation in &*patch {
        let path = operation.path().to_string();
        expect(
            !path.contains("/__proto__") && !path.contains("/constructor/prototype"),
            "touches a prototype",
        )?;
    }
    json_patch::patch(document, &patch).map_err(|fault| fault.to_string())
}

/// Returns `rule` as an error if `holds` is false.
fn expect(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

#[test]
fn broken_runs_are_rejected() {
    let started = || serde_json::json!({"type": "RUN_STARTED", "threadId": "t", "runId": "r", "protocolVersion": "1.0"});
    let finished = || serde_json::json!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r", "outcome": {"type": "success"}});
    let event = |kind: &str, id: &str| serde_json::json!({"type": kind, "messageId": id, "toolCallId": id, "parentMessageId": "p", "delta": "{}"});
    let of = |kind: &str, key: &str, value: Value| serde_json::json!({"type": kind, key: value, "value": 1});
    let add = |path: &str| serde_json::json!([{"op": "add", "path": path, "value": 1}]);
    let stamped = |events: Vec<Value>| -> Vec<Value> {
        events
            .into_iter()
            .map(|mut event| {
                event["timestamp"] = 1.into();
                event
            })
            .collect()
    };
    for (why, events) in [
        ("nothing at all", vec![]),
        ("no end", vec![started()]),
        ("no start", vec![finished()]),
        ("after the end", vec![started(), finished(), started()]),
        ("text without start", vec![started(), event("TEXT_MESSAGE_CONTENT", "m"), finished()]),
        ("text left open", vec![started(), event("TEXT_MESSAGE_START", "m"), finished()]),
        ("call left open", vec![started(), event("TOOL_CALL_START", "c"), finished()]),
        ("a signature for nothing", {
            let mut signature = event("REASONING_ENCRYPTED_VALUE", "m");
            signature["subtype"] = "message".into();
            signature["entityId"] = "m".into();
            signature["encryptedValue"] = "v".into();
            vec![started(), signature, finished()]
        }),
        ("a step left open", vec![started(), of("STEP_STARTED", "stepName", "s".into()), finished()]),
        (
            "a step of a name that is open",
            ["STEP_STARTED", "STEP_STARTED", "STEP_FINISHED", "STEP_FINISHED"]
                .iter()
                .fold(vec![started()], |events, kind| {
                    [events, vec![of(kind, "stepName", "s".into())]].concat()
                })
                .into_iter()
                .chain([finished()])
                .collect(),
        ),
        ("a delta before a snapshot", vec![started(), of("STATE_DELTA", "delta", add("/a")), finished()]),
        (
            "a delta that does not apply",
            vec![
                started(),
                of("STATE_SNAPSHOT", "snapshot", Value::Null),
                of("STATE_DELTA", "delta", add("/a/b")),
                finished(),
            ],
        ),
        (
            "a delta that clients refuse",
            vec![
                started(),
                of("STATE_SNAPSHOT", "snapshot", serde_json::json!({})),
                of("STATE_DELTA", "delta", add("/__proto__")),
                finished(),
            ],
        ),
        ("a delta of no activity", vec![started(), event("ACTIVITY_DELTA", "a"), finished()]),
        (
            "a custom event without a prefix",
            vec![started(), of("CUSTOM", "name", "found".into()), finished()],
        ),
        ("a result for nothing", vec![started(), event("TOOL_CALL_RESULT", "c"), finished()]),
        (
            "a result before the end of the arguments",
            vec![started(), event("TOOL_CALL_START", "c"), event("TOOL_CALL_RESULT", "c"), finished()],
        ),
        (
            "an unanswered call that is not pending",
            vec![
                started(),
                event("TOOL_CALL_START", "c"),
                event("TOOL_CALL_ARGS", "c"),
                event("TOOL_CALL_END", "c"),
                finished(),
            ],
        ),
    ] {
        assert!(check(&stamped(events)).is_err(), "{why}");
    }
    assert_eq!(check(&stamped(vec![started(), finished()])), Ok(()));
    let failed = || serde_json::json!({"type": "RUN_ERROR", "code": "INTERNAL", "message": "Sorry."});
    let late = stamped(vec![started(), finished(), failed()]);
    assert!(check(&late).is_err(), "a late error of a run that answers nothing");
    let answering = || Client::default().resuming();
    assert!(answering().read(&late).is_ok());
    assert!(answering().read(&stamped(vec![started(), failed()])).is_err(), "no RUN_FINISHED");
    assert!(
        answering().read(&stamped(vec![started(), finished(), failed(), failed()])).is_err(),
        "two errors"
    );
    assert!(check(&[started(), finished()]).is_err(), "no timestamps");
}
