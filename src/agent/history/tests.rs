use serde_json::{Value, json};

use super::*;

fn history(messages: Value) -> History {
    let input = json!({"threadId": "t", "runId": "r", "messages": messages});
    History::read(&RunAgentInput::read(input).unwrap().input, |name| name == "backend")
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "frontend", "arguments": "{}"}})
}

fn result(id: &str, content: &str) -> Value {
    json!({"id": format!("x-{id}-{content}"), "role": "tool", "toolCallId": id, "content": content})
}

/// One line a turn.
fn outline(history: &History) -> Vec<String> {
    let turn = |turn: &Turn| match turn {
        Turn::User(parts) => format!("user {}", parts.len()),
        Turn::Assistant { text, calls } => {
            format!("assistant {text:?} {:?}", calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>())
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
        {"id": "u", "role": "user", "content": "go"},
        {"id": "a", "role": "assistant", "content": "ok", "toolCalls": [call("c1"), call("c2")]},
        {"id": "b", "role": "assistant", "content": "and"},
        result("c2", "two"),
        result("c1", "one"),
    ]));

    assert_eq!(
        outline(&history),
        ["user 1", r#"assistant "ok" ["c1", "c2"]"#, r#"results ["one", "two"]"#, r#"assistant "and" []"#]
    );
}

#[test]
fn orphans_and_doubles_are_left_out_and_the_first_result_counts() {
    let history = history(json!([
        result("nobody", "lost"),
        {"id": "u", "role": "user", "content": ""},
        {"id": "a", "role": "assistant", "toolCalls": [call("c1"), call("c1")]},
        result("c1", "first"),
        result("c1", "second"),
        {"id": "b", "role": "assistant", "toolCalls": [call("c1")]},
        {"id": "e", "role": "assistant", "content": ""},
    ]));

    assert_eq!(outline(&history), [r#"assistant "" ["c1"]"#, r#"results ["first"]"#]);
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
        ["user 1", r#"assistant "" ["c1"]"#, r#"results ["{\"error\":\"No result was given.\"}"]"#, "user 1"]
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
