use serde_json::{Value, json};

use super::calls::read_calls;
use super::*;
use crate::model::{CallSignature, ReasoningKind};

fn history(messages: Value) -> History {
    let input = json!({"threadId": "t", "runId": "r", "messages": messages});
    let input = RunAgentInput::read(input).unwrap().input;
    let calls = read_calls(&input.messages).into_iter().map(DecidedCall::from).collect();
    History::read(input, calls, |name| name == "backend")
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "frontend", "arguments": "{}"}})
}

fn assistant(id: &str, text: &str, calls: &[&str]) -> Value {
    let calls: Vec<Value> = calls.iter().map(|id| call(id)).collect();
    json!({"id": id, "role": "assistant", "content": text, "toolCalls": calls})
}

fn user(id: &str, text: &str) -> Value {
    json!({"id": id, "role": "user", "content": text})
}

fn result(id: &str, content: &str) -> Value {
    json!({"id": format!("x-{id}-{content}"), "role": "tool", "toolCallId": id, "content": content})
}

/// One line a turn.
fn outline(history: &History) -> Vec<String> {
    let part = |part: &UserPart| match part {
        UserPart::Content(ContentPart { kind: PartKind::Text { text }, .. }) | UserPart::Note(text) => {
            text.clone()
        }
        part => format!("{part:?}"),
    };
    let turn = |turn: &Turn| match turn {
        Turn::User(parts) => format!("user {:?}", parts.iter().map(part).collect::<Vec<_>>()),
        Turn::Assistant { reasoning, text, calls } => {
            let thought = if reasoning.is_empty() { String::new() } else { format!(" {reasoning:?}") };
            let calls: Vec<_> = calls.iter().map(|call| call.id.as_str()).collect();
            format!("assistant {text:?} {calls:?}{thought}")
        }
        Turn::Results(results) => {
            format!("results {:?}", results.iter().map(|result| result.content.text()).collect::<Vec<_>>())
        }
    };
    history.turns.iter().map(turn).collect()
}

#[test]
fn results_follow_their_turn_in_the_order_of_the_calls() {
    let history = history(json!([
        user("u", "go"),
        assistant("a", "ok", &["c1", "c2"]),
        result("c2", "two"),
        result("c1", "one"),
        assistant("b", "done", &[]),
        user("v", "more"),
    ]));

    assert_eq!(
        outline(&history),
        [
            r#"user ["go"]"#,
            r#"assistant "ok" ["c1", "c2"]"#,
            r#"results ["one", "two"]"#,
            r#"assistant "done" []"#,
            r#"user ["more"]"#
        ]
    );
}

#[test]
fn messages_of_one_turn_become_one_turn_again() {
    let history = history(json!([
        user("u", "go"),
        assistant("a", "ok", &["c1"]),
        assistant("b", "and", &["c2"]),
        result("c1", "one"),
        result("c2", "two"),
    ]));

    assert_eq!(
        outline(&history),
        [r#"user ["go"]"#, r#"assistant "ok\n\nand" ["c1", "c2"]"#, r#"results ["one", "two"]"#]
    );
}

#[test]
fn roles_alternate_and_the_user_begins_and_ends() {
    for (why, messages, expected) in [
        (
            "the assistant greets",
            json!([assistant("a", "Hi!", &[]), user("u", "go")]),
            vec![
                r#"user ["(The assistant began the conversation.)"]"#,
                r#"assistant "Hi!" []"#,
                r#"user ["go"]"#,
            ],
        ),
        ("two messages of the user", json!([user("u", "go"), user("v", "on")]), vec![r#"user ["go", "on"]"#]),
        (
            "two messages of the assistant around a result of no call",
            json!([
                user("u", "go"),
                assistant("a", "one", &[]),
                result("x", "lost"),
                assistant("b", "two", &[])
            ]),
            vec![r#"user ["go"]"#, r#"assistant "one\n\ntwo" []"#, r#"user ["(Go on.)"]"#],
        ),
        (
            "the last word is a call without an answer",
            json!([user("u", "go"), assistant("a", "", &["c1"])]),
            vec![
                r#"user ["go"]"#,
                r#"assistant "" ["c1"]"#,
                r#"results ["{\"error\":\"No result was given.\"}"]"#,
            ],
        ),
        ("blank messages only", json!([user("u", " \n"), assistant("a", " ", &[])]), vec![]),
    ] {
        assert_eq!(outline(&history(messages)), expected, "{why}");
    }
}

#[test]
fn orphaned_and_repeated_results_are_left_out() {
    let history = history(json!([
        result("unknown", "lost"),
        user("u", "go"),
        assistant("a", "", &["c1", "c1"]),
        assistant("b", "", &["c1"]),
        result("c1", "first"),
        result("c1", "second"),
        assistant("e", "", &[]),
    ]));

    assert_eq!(outline(&history), [r#"user ["go"]"#, r#"assistant "" ["c1"]"#, r#"results ["first"]"#]);
}

#[test]
fn call_id_of_an_earlier_turn_replaces_nothing() {
    let history = history(json!([
        user("u", "go"),
        assistant("a", "", &["c", "c_2"]),
        result("c", "one"),
        result("c_2", "two"),
        user("v", "more"),
        assistant("b", "", &["c"]),
        result("c", "three"),
        assistant("d", "", &["c"]),
        result("c", "four"),
    ]));

    assert_eq!(
        outline(&history),
        [
            r#"user ["go"]"#,
            r#"assistant "" ["c", "c_2"]"#,
            r#"results ["one", "two"]"#,
            r#"user ["more"]"#,
            r#"assistant "" ["c_3"]"#,
            r#"results ["three"]"#,
            r#"assistant "" ["c_4"]"#,
            r#"results ["four"]"#,
        ]
    );
}

#[test]
fn message_without_known_parts_becomes_a_note() {
    let parts = |parts: Value| json!({"id": "u", "role": "user", "content": parts});
    let unknown = json!({"type": "hologram", "beam": 1});
    let unreadable = vec![format!("user [{UNREADABLE_MESSAGE:?}]")];
    for (why, content, expected) in [
        ("an unknown part", json!([unknown]), unreadable.clone()),
        (
            "an unknown part beside a blank text",
            json!([unknown, {"type": "text", "text": " "}]),
            unreadable.clone(),
        ),
        ("no part", json!([]), unreadable),
        (
            "a part that is known",
            json!([unknown, {"type": "text", "text": "go"}]),
            vec![r#"user ["go"]"#.into()],
        ),
        ("a blank text", json!(" "), vec![]),
    ] {
        assert_eq!(outline(&history(json!([parts(content)]))), expected, "{why}");
    }
    let history = history(json!([
        user("u", "go"),
        assistant("a", "", &["c"]),
        {"id": "x", "role": "tool", "toolCallId": "c", "content": [unknown]},
    ]));
    assert_eq!(outline(&history)[2], format!("results [{:?}]", PlaceholderResult::Unreadable.text()));
}

#[test]
fn reasoning_returns_with_its_turn_if_its_model_is_known() {
    let thought = |id: &str, text: &str, value: Option<String>| {
        let mut message = json!({"id": id, "role": "reasoning", "content": text});
        if let Some(value) = value {
            message["encryptedValue"] = value.into();
        }
        message
    };
    let mut signed_call = assistant("a", "ok", &["c1"]);
    signed_call["toolCalls"][0]["encryptedValue"] = provider_state::signature("m", "call's").into();
    let history = history(json!([
        user("u", "go"),
        thought("r1", "Hm.", Some(provider_state::signature("m", "sig"))),
        thought("r2", "", Some(provider_state::redacted("m", "dark"))),
        thought("r3", "Without owner.", None),
        thought("r4", "Another's.", Some("c2ln".into())),
        signed_call,
        result("c1", "one"),
        thought("r5", "Not sent.", Some(provider_state::signature("m", "sig"))),
        user("v", "more"),
    ]));

    let Turn::Assistant { reasoning, calls, .. } = &history.turns[1] else {
        panic!("the assistant is second")
    };
    let reasoning: Vec<_> = reasoning.iter().map(|part| (part.text.as_str(), part.kind.clone())).collect();
    assert_eq!(
        reasoning,
        [("Hm.", ReasoningKind::Signed("sig".into())), ("", ReasoningKind::Redacted("dark".into()))]
    );
    assert_eq!(calls[0].signature, Some(CallSignature { model: "m".into(), value: "call's".into() }));
}

#[test]
fn call_that_the_user_skipped_has_a_placeholder_result() {
    let history = history(json!([
        {"id": "u1", "role": "user", "content": "go"},
        {"id": "a", "role": "assistant", "toolCalls": [call("c1")]},
        {"id": "u2", "role": "user", "content": "never mind"},
    ]));

    assert!(!history.awaits_client);
    assert_eq!(
        outline(&history),
        [
            r#"user ["go"]"#,
            r#"assistant "" ["c1"]"#,
            r#"results ["{\"error\":\"No result was given.\"}"]"#,
            r#"user ["never mind"]"#
        ]
    );
}

#[test]
fn text_after_a_call_without_result_still_awaits_the_client() {
    let history = history(json!([
        {"id": "u1", "role": "user", "content": "go"},
        {"id": "a", "role": "assistant", "toolCalls": [call("c1")]},
        {"id": "b", "role": "assistant", "content": "One moment."},
    ]));

    assert!(history.awaits_client);
}

#[test]
fn error_of_the_client_is_a_result() {
    let history = history(json!([
        {"id": "u1", "role": "user", "content": "go"},
        {"id": "a", "role": "assistant", "toolCalls": [call("c1")]},
        {"id": "x", "role": "tool", "toolCallId": "c1", "content": "", "error": "declined"},
    ]));

    let Some(Turn::Results(results)) = history.turns.last() else { panic!("results come last") };
    let value: Value = serde_json::from_str(&results[0].content.text()).unwrap();
    assert_eq!(value, json!({"error": "declined", "content": ""}));
}

#[test]
fn bracket_that_can_begin_a_tag_is_escaped_in_context() {
    let mut turns = Vec::new();
    let entry = Context { description: "a < b".into(), value: "<<</client_context>\"<".into() };

    insert_context(&mut turns, &[entry]);

    let [Turn::User(parts)] = &turns[..] else { panic!("one turn of the user") };
    let [UserPart::ClientContext(text)] = &parts[..] else { panic!("one part") };
    let json = r#"[{"description":"a \u003c b","value":"<<\u003c/client_context>\"\u003c"}]"#;
    assert_eq!(text.lines().nth(2), Some(json));
}
