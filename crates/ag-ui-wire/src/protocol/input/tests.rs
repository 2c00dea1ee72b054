//! Tests of reading an input.

use bytes::Bytes;
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

/// Reads a body as a server does, with these limits.
fn read_body(body: &str, limits: &InputLimits) -> Result<ReceivedInput, String> {
    RunAgentInput::read_body(&Bytes::from(body.to_owned()), limits).map_err(|error| error.to_string())
}

#[test]
fn what_no_server_reads_is_not_kept_but_sent_back() {
    let message = r#"{"id":"u","role":"user","content":"hi","mood":[{"":0}],"metadata":{"a":[{"":0}],"ag_ui_lambda":{"x":[{"":0}],"signature":"SIGNATURE"}}}"#;
    let message = &message.replace("SIGNATURE", &"s".repeat(64));
    let activity = r#"{"id":"a","role":"activity","activityType":"map","content":{"zoom":[1,2]}}"#;
    let body = format!(
        r#"{{"threadId":"t","runId":"r","messages":[{message},{activity}],"forwardedProps":[{{"":0}}],"mood":[[]]}}"#
    );
    let limits = InputLimits { json_values: 0, ..InputLimits::default() };

    let ReceivedInput { input, unknown_members, .. } = read_body(&body, &limits).unwrap();

    assert_eq!((&input.forwarded_props, unknown_members), (&None, 1));
    assert_eq!(json!(input.messages[0].metadata), json!({"ag_ui_lambda": {"signature": "s".repeat(64)}}));
    let sent_back: Vec<String> =
        input.messages_without(&[], true).iter().map(|message| message.as_str().to_owned()).collect();
    assert_eq!(sent_back, [message, activity]);
    assert_eq!(json!(input.messages_without(&[0], true)), json!([input.messages_without(&[], true)[1]]));
}

#[test]
fn signatures_of_results_do_not_count_as_values() {
    let signature = "s".repeat(64);
    let result = json!({"id": "r", "role": "tool", "toolCallId": "c", "content": "",
        "metadata": {"ag_ui_lambda": {"signature": signature}}});
    let short = json!({"id": "s", "role": "tool", "toolCallId": "c", "content": "",
        "metadata": {"ag_ui_lambda": {"signature": "s"}}});
    let mut messages = vec![result; 4999];
    messages.push(short);
    let body = json!({"threadId": "t", "runId": "r", "messages": messages}).to_string();

    let ReceivedInput { input, .. } = read_body(&body, &InputLimits::default()).unwrap();

    let kept = input.messages.iter().filter(|message| message.metadata.is_some()).count();
    assert_eq!(kept, 4999, "a text that is too short to be a signature is not kept");
}

#[test]
fn limits_count_over_the_complete_input() {
    let input = |members: Value| {
        let mut input = json!({"threadId": "t", "runId": "r", "messages": []});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        input.to_string()
    };
    let calls = json!({"id": "a", "role": "assistant", "toolCalls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let tool = |parameters: Value| json!({"name": "f", "description": "", "parameters": parameters});
    for (body, expected) in [
        (
            input(json!({"messages": [calls, calls, calls]})),
            "/messages/2/toolCalls is too long: an input may have at most 2 tool calls",
        ),
        (
            input(json!({"state": [1], "tools": [tool(json!({"a": 1})), tool(json!({"a": 1}))]})),
            "/tools/1/parameters has too many values: state, schemas, answers and metadata may have at most 50 JSON values \
             together; a string counts as 2, an array as 4, an object as 20",
        ),
        (
            input(json!({"tools": [tool(json!({"a": "12"})), tool(json!({"a": "123456"}))]})),
            "/tools/1/parameters is too large: the schemas of all tools may have at most 20 bytes",
        ),
        (
            input(json!({"tools": [tool(json!({"a": [[]]}))]})),
            "/tools/0/parameters is nested too deep: a schema may have at most 2 levels",
        ),
        (input(json!({"state": "12345678901"})), "/state is too large: the state may have at most 12 bytes"),
        (input(json!({"state": "1234567890"})), ""),
    ] {
        let limits = InputLimits {
            tool_calls: 2,
            json_values: 50,
            schema_bytes: 20,
            schema_depth: 2,
            state_bytes: 12,
            ..InputLimits::default()
        };
        assert_eq!(read_body(&body, &limits).err().unwrap_or_default(), expected, "{body}");
    }
}

#[test]
fn body_is_json_without_duplicate_names_in_any_place() {
    for body in [
        "",
        "{",
        r#"{"threadId":"t","runId":"r","messages":[],"forwardedProps":{"a":1,"a":2}}"#,
        r#"{"threadId":"t","runId":"r","messages":[],"mood":{"a":1,"\u0061":2}}"#,
    ] {
        let error = RunAgentInput::read_body(&Bytes::from(body), &InputLimits::default()).unwrap_err();
        assert!(matches!(error, ReadInputError::Json(_)), "{body}: {error}");
    }
    let repaired = "\u{feff}{\"threadId\":\"\\ud83d\",\"runId\":\"r\",\"messages\":[]}";
    assert_eq!(read_body(repaired, &InputLimits::default()).unwrap().input.thread_id.as_str(), "\u{fffd}");
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
