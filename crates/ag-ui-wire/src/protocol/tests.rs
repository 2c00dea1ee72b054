//! Tests that everything that is written is read back equal: events, messages, inputs and capabilities.

mod variants;

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Event, EventError, EventKind, JsonObject, Message, MessageBody, RunAgentInput, ToolCall, any, sse,
};

/// Asserts that a value is read back equal, from JSON text and from a JSON value.
fn assert_read_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(written: &T) {
    let text = serde_json::to_string(written).unwrap();
    let from_text: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(from_text, *written, "{text}");
    let from_value: T = serde_json::from_value(json!(written)).unwrap();
    assert_eq!(from_value, *written, "{text}");
}

#[test]
fn every_event_is_read_back_equal() {
    for (_, kinds) in any::kinds() {
        proptest!(|(event in any::event(kinds))| {
            assert_read_back(&event);
            assert_read_back(&event.kind);
        });
    }
}

#[test]
fn each_of_the_31_types_has_a_generator() {
    let mut runner = TestRunner::deterministic();
    let types: Vec<&str> = any::kinds().iter().map(|(name, _)| *name).collect();
    assert_eq!(types, EventKind::TYPES);
    for (name, kinds) in any::kinds() {
        let kind = kinds.new_tree(&mut runner).unwrap().current();
        assert_eq!((kind.type_name(), json!(kind)["type"].as_str()), (name, Some(name)));
    }
}

/// Returns an input without the data that no server reads.
fn without_unread_data(mut input: RunAgentInput) -> RunAgentInput {
    let own = |metadata: &mut Option<JsonObject>| {
        let mut members = metadata.take().unwrap_or_default();
        members.retain(|name, _| name == "ag_ui_lambda");
        *metadata = Some(members).filter(|members| !members.is_empty());
    };
    input.forwarded_props = None;
    input.tools.iter_mut().for_each(|tool| own(&mut tool.metadata));
    input.resume.iter_mut().for_each(|answer| own(&mut answer.metadata));
    for message in &mut input.messages {
        own(&mut message.metadata);
        match &mut message.body {
            MessageBody::Assistant { tool_calls, .. } => {
                tool_calls.iter_mut().for_each(|call| own(&mut call.metadata));
            }
            MessageBody::Activity { content, .. } => content.clear(),
            _ => {}
        }
    }
    input
}

proptest! {
    #[test]
    fn every_message_is_read_back_equal(message in any::message()) {
        assert_read_back(&message);
        assert_read_back(&message.body);
    }

    #[test]
    fn every_part_is_read_back_equal(part in any::part()) {
        assert_read_back(&part);
        assert_read_back(&part.kind);
    }

    #[test]
    fn every_input_is_read_back_equal_and_by_a_server_without_unread_data(input in any::input()) {
        assert_read_back(&input);

        let mut received = RunAgentInput::read(json!(input)).unwrap();
        prop_assert_eq!(received.input.answers_interrupts(), !input.resume.is_empty());
        prop_assert_eq!(json!(received.input.messages_without(&[], true)), json!(input.messages));
        received.input.original_messages = None;
        prop_assert_eq!(received.input, without_unread_data(input));
        prop_assert_eq!((received.dropped.len(), received.unknown_members), (0, 0));
    }

    #[test]
    fn capabilities_are_read_back_equal(capabilities in any::capabilities()) {
        assert_read_back(&capabilities);
    }

    #[test]
    fn stream_is_read_back_equal_in_chunks_of_any_size(
        events in prop::collection::vec(any::any_event(), 0..6),
        size in 1_usize..200,
    ) {
        let mut stream: Vec<u8> = events.iter().flat_map(sse::frame).collect();
        stream.extend_from_slice(&sse::KEEP_ALIVE);
        let mut decoder = sse::Decoder::new();
        let mut read = Vec::new();
        for chunk in stream.chunks(size) {
            decoder.push(chunk);
            read.extend(std::iter::from_fn(|| decoder.next_event()).map(Result::unwrap));
        }
        prop_assert_eq!(read, events);
    }
}

#[test]
fn long_id_is_read_back_but_refused_by_a_server() {
    let input = RunAgentInput::new("t".repeat(2000), "r", Vec::new());
    assert_read_back(&input);
    assert!(RunAgentInput::read(json!(input)).is_err());
}

/// Reads an event and writes it again; an error is its sentence.
fn read(json: Value) -> Result<Value, String> {
    Event::read(json).map(|event| json!(event)).map_err(|error| match error {
        EventError::Malformed(error) => error.to_string(),
        error => error.to_string(),
    })
}

#[test]
fn event_of_another_server_is_read_tolerantly() {
    for (why, json, expected) in [
        (
            "null in place of an optional member",
            json!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r", "result": null, "outcome": null, "usage": null,
                "timestamp": null, "rawEvent": null, "metadata": null, "subagentRunId": null}),
            json!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r"}),
        ),
        (
            "null in place of a list in an outcome",
            json!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r",
                "outcome": {"type": "success", "pendingToolCallIds": null}}),
            json!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r", "outcome": {"type": "success"}}),
        ),
        (
            "unknown members at every level",
            json!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r", "mood": "good",
                "outcome": {"type": "interrupt", "mood": 1, "interrupts": [{"id": "i", "reason": "x", "mood": {}}]},
                "usage": [{"inputTokens": 1, "mood": []}]}),
            json!({"type": "RUN_FINISHED", "threadId": "t", "runId": "r",
                "outcome": {"type": "interrupt", "interrupts": [{"id": "i", "reason": "x"}]},
                "usage": [{"inputTokens": 1}]}),
        ),
        (
            "null where any JSON may stand",
            json!({"type": "CUSTOM", "name": "com.acme.x", "value": null}),
            json!({"type": "CUSTOM", "name": "com.acme.x", "value": null}),
        ),
        (
            "the id of a subagent that an event comes from",
            json!({"type": "STEP_STARTED", "stepName": "s", "subagentRunId": "s"}),
            json!({"type": "STEP_STARTED", "stepName": "s", "subagentRunId": "s"}),
        ),
        (
            "the id of a subagent in an event about it",
            json!({"type": "SUBAGENT_ERROR", "subagentRunId": "s", "message": "Sorry."}),
            json!({"type": "SUBAGENT_ERROR", "subagentRunId": "s", "message": "Sorry."}),
        ),
        (
            "what a newer peer adds to a result",
            json!({"type": "TOOL_CALL_RESULT", "messageId": "m", "toolCallId": "c",
                "content": [{"type": "hologram"}, {"type": "text", "text": "hi"}]}),
            json!({"type": "TOOL_CALL_RESULT", "messageId": "m", "toolCallId": "c",
                "content": [{"type": "text", "text": "hi"}]}),
        ),
    ] {
        assert_eq!(read(json), Ok(expected), "{why}");
    }
}

#[test]
fn malformed_event_is_refused_with_the_reason() {
    for (why, json, expected) in [
        ("an unknown type", json!({"type": "META"}), "the event type \"META\" is unknown"),
        ("no type", json!({"threadId": "t"}), "missing field `type`"),
        ("not an object", json!("RUN_STARTED"), "invalid type: string \"RUN_STARTED\", expected a map"),
        ("a missing member", json!({"type": "CUSTOM", "name": "x"}), "missing field `value`"),
        (
            "null in place of a required member",
            json!({"type": "STEP_STARTED", "stepName": null}),
            "invalid type: null, expected a string",
        ),
        (
            "a timestamp that is not an integer",
            json!({"type": "STEP_STARTED", "stepName": "s", "timestamp": 0.5}),
            "invalid type: floating point `0.5`, expected i64",
        ),
        (
            "an unknown role",
            json!({"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "wizard"}),
            "unknown variant `wizard`, expected one of `developer`, `system`, `assistant`, `user`",
        ),
    ] {
        assert_eq!(read(json.clone()), Err(expected.to_owned()), "{why}");
        assert_eq!(serde_json::from_value::<Event>(json).unwrap_err().to_string(), expected, "{why}");
    }
}

#[test]
fn single_message_of_unknown_role_is_an_error() {
    let error = |json: Value| serde_json::from_value::<Message>(json).unwrap_err().to_string();

    assert_eq!(error(json!({"id": "m", "role": "wizard"})), "a Message of a kind that is not known");
    assert_eq!(error(json!({"id": "m", "role": "user"})), "/content is missing");
    let call = json!({"id": "c", "type": "magic", "function": {"name": "f", "arguments": ""}});
    assert!(serde_json::from_value::<ToolCall>(call.clone()).is_err());
    let message = json!({"id": "m", "role": "assistant", "toolCalls": [call]});
    let message: Message = serde_json::from_value(message).unwrap();
    assert_eq!(message.body, MessageBody::Assistant { content: None, tool_calls: vec![] });
}
