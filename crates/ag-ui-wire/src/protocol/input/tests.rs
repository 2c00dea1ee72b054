//! Tests of reading an input.

use serde_json::json;

use super::*;
use crate::protocol::{Content, MessageBody};

/// Reads an input as a server does.
fn read(json: Value) -> Result<ReceivedInput, InputError> {
    RunAgentInput::read(json)
}

#[test]
fn an_id_has_at_most_1024_bytes() {
    for (key, length, fits) in
        [("threadId", 1024, true), ("threadId", 1025, false), ("runId", 1024, true), ("runId", 1025, false)]
    {
        let mut input = json!({"threadId": "t", "runId": "r", "messages": []});
        input[key] = "x".repeat(length).into();

        let error = read(input).err().map(|error| error.to_string());

        let expected = (!fits).then(|| format!("/{key} must be at most 1024 bytes"));
        assert_eq!(error, expected, "{key} of {length} bytes");
    }
}

#[test]
fn optional_members_of_an_input_may_be_absent() {
    let input = read(json!({"threadId": "", "runId": "not-a-uuid", "messages": []})).unwrap().input;

    assert_eq!(input.thread_id.as_str(), "");
    assert!(input.messages.is_empty() && input.tools.is_empty() && input.context.is_empty());
    assert!(input.state.is_none() && input.forwarded_props.is_none() && input.resume.is_empty());
}

#[test]
fn null_counts_as_absent_on_optional_members() {
    let received = read(json!({
        "threadId": "t", "runId": "r", "state": null, "tools": null, "context": null,
        "forwardedProps": null, "resume": null, "parentRunId": null, "protocolVersion": null,
        "messages": [{"id": "m", "role": "assistant", "content": null, "toolCalls": null, "name": null}],
    }));

    let input = received.unwrap().input;
    assert_eq!(input.messages[0].body, MessageBody::Assistant { content: None, tool_calls: vec![] });
    assert_eq!(serde_json::to_value(&input).unwrap()["messages"][0], json!({"id": "m", "role": "assistant"}));
}

#[test]
fn unknown_roles_parts_and_statuses_are_left_out_and_reported() {
    let received = read(json!({
        "threadId": "t", "runId": "r", "sessionTicket": 1,
        "messages": [
            {"id": "m1", "role": "wizard", "content": "hocus"},
            {"id": "m2", "role": "user", "content": [
                {"type": "hologram", "beam": 1},
                {"type": "image", "source": {"type": "telepathy", "value": "x"}},
                {"type": "text", "text": "hello"},
            ]},
        ],
        "resume": [{"interruptId": "i", "status": "postponed"}],
    }))
    .unwrap();

    assert_eq!(
        received.dropped,
        ["/messages/0", "/messages/1/content/0", "/messages/1/content/1", "/resume/0"]
    );
    assert_eq!(received.unknown_members, 1);
    let MessageBody::User { content } = &received.input.messages[0].body else {
        panic!("the user's message")
    };
    assert_eq!(content.text(), "hello");
    assert!(matches!(content, Content::Parts(parts) if parts.len() == 1));
}

#[test]
fn malformed_member_is_refused_with_its_json_pointer() {
    let message = |message: Value| json!({"threadId": "t", "runId": "r", "messages": [message]});
    for (why, json, expected) in [
        ("not an object", json!([]), "the body must be an object"),
        ("no thread", json!({"runId": "r", "messages": []}), "/threadId is missing"),
        ("null is absent", json!({"threadId": null, "runId": "r", "messages": []}), "/threadId is missing"),
        (
            "thread is a number",
            json!({"threadId": 1, "runId": "r", "messages": []}),
            "/threadId must be a string",
        ),
        ("no messages", json!({"threadId": "t", "runId": "r"}), "/messages is missing"),
        (
            "messages is a map",
            json!({"threadId": "t", "runId": "r", "messages": {}}),
            "/messages must be an array",
        ),
        ("message is text", message(json!("hi")), "/messages/0 must be an object"),
        ("no role", message(json!({"id": "m"})), "/messages/0/role is missing"),
        ("no id", message(json!({"role": "user", "content": ""})), "/messages/0/id is missing"),
        ("no content", message(json!({"id": "m", "role": "user"})), "/messages/0/content is missing"),
        (
            "content is a number",
            message(json!({"id": "m", "role": "user", "content": 7})),
            "/messages/0/content must be a string or an array of parts",
        ),
        (
            "part without text",
            message(json!({"id": "m", "role": "user", "content": [{"type": "text"}]})),
            "/messages/0/content/0/text is missing",
        ),
        (
            "call without arguments",
            message(json!({"id": "m", "role": "assistant", "toolCalls":
                [{"id": "c", "type": "function", "function": {"name": "f"}}]})),
            "/messages/0/toolCalls/0/function/arguments is missing",
        ),
        (
            "metadata is a list",
            message(json!({"id": "m", "role": "user", "content": "", "metadata": []})),
            "/messages/0/metadata must be an object",
        ),
        (
            "tool without description",
            json!({"threadId": "t", "runId": "r", "messages": [], "tools": [{"name": "f"}]}),
            "/tools/0/description is missing",
        ),
    ] {
        assert_eq!(read(json).unwrap_err().to_string(), expected, "{why}");
    }
}

#[test]
fn only_a_readable_version_with_another_major_is_unsupported() {
    for (version, is_other) in [
        (None, false),
        (Some("1.0"), false),
        (Some("1.99"), false),
        (Some("01.0"), false),
        (Some("2.0"), true),
        (Some("10.0"), true),
        (Some("0.1"), true),
        (Some("two"), false),
        (Some("2"), false),
        (Some("1.0-rc1"), false),
    ] {
        let mut input = read(json!({"threadId": "t", "runId": "r", "messages": []})).unwrap().input;
        input.protocol_version = version.map(Into::into);
        assert_eq!(input.is_other_major(), is_other, "{version:?}");
    }
}
