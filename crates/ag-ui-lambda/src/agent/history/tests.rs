use serde_json::{Value, json};

use super::super::calls::calls;
use super::*;
use crate::model::{CallSignature, ReasoningKind};

fn history(messages: Value) -> History {
    let input = json!({"threadId": "t", "runId": "r", "messages": messages});
    let input = RunAgentInput::read(input).unwrap().input;
    History::read(&input, &calls(&input.messages), |name| name == "backend")
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "frontend", "arguments": "{}"}})
}

fn said(id: &str, text: &str, calls: &[&str]) -> Value {
    let calls: Vec<Value> = calls.iter().map(|id| call(id)).collect();
    json!({"id": id, "role": "assistant", "content": text, "toolCalls": calls})
}

fn asked(id: &str, text: &str) -> Value {
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
fn results_stand_right_behind_their_turn_in_the_order_of_the_calls() {
    let history = history(json!([
        asked("u", "go"),
        said("a", "ok", &["c1", "c2"]),
        result("c2", "two"),
        result("c1", "one"),
        said("b", "done", &[]),
        asked("v", "more"),
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
fn what_a_model_said_in_one_turn_is_one_turn_again() {
    let history = history(json!([
        asked("u", "go"),
        said("a", "ok", &["c1"]),
        said("b", "and", &["c2"]),
        result("c1", "one"),
        result("c2", "two"),
    ]));

    assert_eq!(
        outline(&history),
        [r#"user ["go"]"#, r#"assistant "ok\n\nand" ["c1", "c2"]"#, r#"results ["one", "two"]"#]
    );
}

#[test]
fn the_sides_take_turns_and_the_user_begins_and_speaks_last() {
    for (why, messages, expected) in [
        (
            "the assistant greets",
            json!([said("a", "Hi!", &[]), asked("u", "go")]),
            vec![
                r#"user ["(The assistant began the conversation.)"]"#,
                r#"assistant "Hi!" []"#,
                r#"user ["go"]"#,
            ],
        ),
        (
            "the user says two things",
            json!([asked("u", "go"), asked("v", "on")]),
            vec![r#"user ["go", "on"]"#],
        ),
        (
            "the assistant says two things around a result of nobody's",
            json!([asked("u", "go"), said("a", "one", &[]), result("x", "lost"), said("b", "two", &[])]),
            vec![r#"user ["go"]"#, r#"assistant "one\n\ntwo" []"#, r#"user ["(Go on.)"]"#],
        ),
        (
            "the last word is a call without an answer",
            json!([asked("u", "go"), said("a", "", &["c1"])]),
            vec![
                r#"user ["go"]"#,
                r#"assistant "" ["c1"]"#,
                r#"results ["{\"error\":\"No result was given.\"}"]"#,
            ],
        ),
        ("nobody says anything", json!([asked("u", " \n"), said("a", " ", &[])]), vec![]),
    ] {
        assert_eq!(outline(&history(messages)), expected, "{why}");
    }
}

#[test]
fn orphans_and_doubles_are_left_out_and_the_first_result_counts() {
    let history = history(json!([
        result("nobody", "lost"),
        asked("u", "go"),
        said("a", "", &["c1", "c1"]),
        said("b", "", &["c1"]),
        result("c1", "first"),
        result("c1", "second"),
        said("e", "", &[]),
    ]));

    assert_eq!(outline(&history), [r#"user ["go"]"#, r#"assistant "" ["c1"]"#, r#"results ["first"]"#]);
}

#[test]
fn an_id_that_an_earlier_turn_used_erases_nothing() {
    let history = history(json!([
        asked("u", "go"),
        said("a", "", &["c", "c_2"]),
        result("c", "one"),
        result("c_2", "two"),
        asked("v", "more"),
        said("b", "", &["c"]),
        result("c", "three"),
        said("d", "", &["c"]),
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
fn a_message_of_which_nothing_can_be_read_is_still_a_message() {
    let parts = |parts: Value| json!({"id": "u", "role": "user", "content": parts});
    let unknown = json!({"type": "hologram", "beam": 1});
    let unreadable = vec![format!("user [{UNREADABLE:?}]")];
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
        asked("u", "go"),
        said("a", "", &["c"]),
        {"id": "x", "role": "tool", "toolCallId": "c", "content": [unknown]},
    ]));
    assert_eq!(outline(&history)[2], format!("results [{UNREADABLE_RESULT:?}]"));
}

#[test]
fn reasoning_goes_back_with_the_turn_it_led_to_and_only_with_its_models_mark() {
    let thought = |id: &str, text: &str, value: Option<String>| {
        let mut message = json!({"id": id, "role": "reasoning", "content": text});
        if let Some(value) = value {
            message["encryptedValue"] = value.into();
        }
        message
    };
    let mut signed_call = said("a", "ok", &["c1"]);
    signed_call["toolCalls"][0]["encryptedValue"] = seal::signature("m", "call's").into();
    let history = history(json!([
        asked("u", "go"),
        thought("r1", "Hm.", Some(seal::signature("m", "sig"))),
        thought("r2", "", Some(seal::redacted("m", "dark"))),
        thought("r3", "Nobody's.", None),
        thought("r4", "Another's.", Some("c2ln".into())),
        signed_call,
        result("c1", "one"),
        thought("r5", "Never said.", Some(seal::signature("m", "sig"))),
        asked("v", "more"),
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
fn a_call_that_the_user_went_on_without_is_answered_for_the_model() {
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
fn given_text_behind_a_call_when_the_call_has_no_result_then_the_client_is_still_awaited() {
    let history = history(json!([
        {"id": "u1", "role": "user", "content": "go"},
        {"id": "a", "role": "assistant", "toolCalls": [call("c1")]},
        {"id": "b", "role": "assistant", "content": "One moment."},
    ]));

    assert!(history.awaits_client);
}

#[test]
fn a_clients_error_is_a_result() {
    let history = history(json!([
        {"id": "u1", "role": "user", "content": "go"},
        {"id": "a", "role": "assistant", "toolCalls": [call("c1")]},
        {"id": "x", "role": "tool", "toolCallId": "c1", "content": "", "error": "declined"},
    ]));

    let Some(Turn::Results(results)) = history.turns.last() else { panic!("results come last") };
    let value: Value = serde_json::from_str(&results[0].content.text()).unwrap();
    assert_eq!(value, json!({"error": "declined", "content": ""}));
}
