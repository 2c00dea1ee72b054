//! State that is predicted from the arguments of a call while they stream.

use ag_ui_lambda::protocol::Event;
use ag_ui_lambda::transcript::{ClosedCall, RunError, SequentialIds, Transcript};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{begin_run, cancelled, checked_outline, interrupt, predicting, prediction, values};
use crate::support::event_order;

/// Makes a call whose arguments arrive in these pieces.
fn stream_call(run: &mut Transcript<SequentialIds>, id: &str, pieces: &[&str]) -> ClosedCall {
    let call = run.tool_call(id.into(), "write");
    pieces.iter().for_each(|piece| run.tool_args(&call, piece));
    run.end_call(call)
}

/// Returns the state that a client holds after these events.
fn final_state(events: impl IntoIterator<Item = Event>) -> Option<Value> {
    event_order::Client::default().read(&values(events)).unwrap().state
}

#[test]
fn prediction_is_reverted_before_other_results() {
    let mut run = predicting(json!({"document": "old", "title": "A story"}));
    let other = run.tool_call("c1".into(), "clock");
    let call = stream_call(&mut run, "c2", &["{\"te", "xt\":\"On", "ce\\u00", "e9", " more\"", "}"]);
    let other = run.end_call(other);
    run.tool_result(other, "noon");
    run.tool_result(call, "refused");

    assert_snapshot!(checked_outline(run.finish()), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 clock in m1
    TOOL_CALL_START c2 write in m1
    TOOL_CALL_ARGS c2 {"te
    TOOL_CALL_ARGS c2 xt":"On
    STATE_SNAPSHOT {"document":"On","title":"A story"}
    TOOL_CALL_ARGS c2 ce\u00
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once"}]
    TOOL_CALL_ARGS c2 e9
    STATE_DELTA [{"op":"replace","path":"/document","value":"Onceé"}]
    TOOL_CALL_ARGS c2  more"
    STATE_DELTA [{"op":"replace","path":"/document","value":"Onceé more"}]
    TOOL_CALL_ARGS c2 }
    TOOL_CALL_END c2
    TOOL_CALL_ARGS c1 {}
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m2 "noon"
    STATE_SNAPSHOT {"document":"old","title":"A story"}
    TOOL_CALL_RESULT c2 m3 "refused"
    RUN_FINISHED success
    "#);
}

#[test]
fn fulfilled_prediction_is_not_repeated() {
    let mut run = predicting(json!({}));
    let call = stream_call(&mut run, "c1", &["{\"text\":", "\"Once\"}"]);
    run.set_state(json!({"document": "Once"}));
    run.tool_result(call, "written");
    run.set_state(json!({"document": "Once", "is_read": true}));

    assert_snapshot!(checked_outline(run.finish()), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 write in m1
    TOOL_CALL_ARGS c1 {"text":
    TOOL_CALL_ARGS c1 "Once"}
    STATE_SNAPSHOT {"document":"Once"}
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m2 "written"
    STATE_SNAPSHOT {"document":"Once","is_read":true}
    RUN_FINISHED success
    "#);
}

#[test]
fn prediction_yields_only_to_its_own_member() {
    let mut run = predicting(json!({"document": "old", "filler": "long ".repeat(20)}));
    let call = stream_call(&mut run, "c1", &["{\"text\":\"Once\"}"]);
    let state = |document: &str, count: u32| json!({"document": document, "count": count, "filler": "long ".repeat(20)});
    let mut seen = Vec::new();
    for now in [state("old", 1), state("ONCE", 1), state("ONCE", 2)] {
        run.set_state(now);
        let events = values(std::iter::from_fn(|| run.next_event()));
        seen.push(events.last().unwrap()["delta"].clone());
    }
    run.tool_result(call, "written");

    assert_eq!(
        seen,
        [
            json!([{"op": "add", "path": "/count", "value": 1}]),
            json!([{"op": "replace", "path": "/document", "value": "ONCE"}]),
            json!([{"op": "replace", "path": "/count", "value": 2}]),
        ]
    );
    assert!(!values(run.finish()).iter().any(|event| event["type"] == "STATE_DELTA"));
}

#[test]
fn prediction_stays_for_interrupts_and_reverts_on_cancel() {
    type End = fn(Transcript<SequentialIds>) -> std::collections::VecDeque<Event>;
    type Then = fn(&mut Transcript<SequentialIds>, ClosedCall);
    let nothing: Then = |_, _| {};
    let leave: Then = |run, call| run.defer_to_client(call);
    let ask: Then = |run, call| run.interrupt(call, interrupt("i1", "c1"));
    let answer: Then = |run, call| run.tool_result(call, "refused");
    let finish: End = Transcript::finish;
    let cancel: End = |run| run.cancel(cancelled("MAX_TURNS"));
    let fail: End = |run| run.fail(RunError { code: "INTERNAL", message: "Sorry." });
    for (why, then, end, document) in [
        ("left to the client", leave, finish, "Once"),
        ("left to the client, whatever comes", leave, fail, "Once"),
        ("a person is asked", ask, finish, "Once"),
        ("a person was to be asked", ask, cancel, "old"),
        ("answered", answer, finish, "old"),
        ("not answered", nothing, finish, "old"),
        ("cancelled", nothing, cancel, "old"),
        ("failed", nothing, fail, "old"),
    ] {
        for emits in [false, true] {
            let mut run = predicting(json!({"document": "old"})).emit_predict_state(emits);
            let call = stream_call(&mut run, "c1", &["{\"text\":", "\"Once\"}"]);
            then(&mut run, call);
            assert_eq!(final_state(end(run)), Some(json!({"document": document})), "{why}, {emits}");
        }
    }
    let mut run = predicting(json!({"document": "old"}));
    let open = run.tool_call("c1".into(), "write");
    run.tool_args(&open, "{\"text\":\"On");
    let events = values(run.fail(RunError { code: "MODEL_STREAM_CUT", message: "Sorry." }));
    assert_eq!(event_order::Client::default().read(&events).unwrap().state, Some(json!({"document": "old"})));
}

#[test]
fn predict_state_mode_announces_calls_and_snapshots() {
    let mut run = predicting(json!({"document": "old"})).emit_predict_state(true);
    let other = run.tool_call("c1".into(), "clock");
    let other = run.end_call(other);
    run.tool_result(other, "noon");
    let call = stream_call(&mut run, "c2", &["{\"text\":\"On", "ce\"}"]);
    run.tool_result(call, "refused");
    run.start_turn();
    let call = stream_call(&mut run, "c3", &["{\"text\":\"new\"}"]);
    run.set_state(json!({"document": "new"}));
    run.tool_result(call, "written");
    run.start_turn();
    let call = stream_call(&mut run, "c4", &[]);
    run.tool_result(call, "refused");

    assert_snapshot!(checked_outline(run.finish()), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 clock in m1
    TOOL_CALL_ARGS c1 {}
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m2 "noon"
    CUSTOM PredictState [{"state_key":"document","tool":"write","tool_argument":"text"}]
    TOOL_CALL_START c2 write in m1
    TOOL_CALL_ARGS c2 {"text":"On
    STATE_SNAPSHOT {"document":"On"}
    TOOL_CALL_ARGS c2 ce"}
    STATE_SNAPSHOT {"document":"Once"}
    TOOL_CALL_END c2
    STATE_SNAPSHOT {"document":"old"}
    TOOL_CALL_RESULT c2 m3 "refused"
    CUSTOM PredictState [{"state_key":"document","tool":"write","tool_argument":"text"}]
    TOOL_CALL_START c3 write in m4
    TOOL_CALL_ARGS c3 {"text":"new"}
    STATE_SNAPSHOT {"document":"new"}
    TOOL_CALL_END c3
    STATE_SNAPSHOT {"document":"new"}
    TOOL_CALL_RESULT c3 m5 "written"
    CUSTOM PredictState [{"state_key":"document","tool":"write","tool_argument":"text"}]
    TOOL_CALL_START c4 write in m6
    TOOL_CALL_ARGS c4 {}
    TOOL_CALL_END c4
    STATE_SNAPSHOT {"document":"new"}
    TOOL_CALL_RESULT c4 m7 "refused"
    RUN_FINISHED success
    "#);
}

#[test]
fn unusable_argument_or_state_predicts_nothing() {
    for (why, state, arguments) in [
        ("another argument", json!({}), r#"{"title":"Once"}"#),
        ("no arguments", json!({}), ""),
        ("no JSON", json!({}), "text: Once"),
        ("half a number", json!({}), r#"{"text":12"#),
        ("a state without members", json!([1]), r#"{"text":"Once"}"#),
    ] {
        let mut run = predicting(state);
        let open = run.tool_call("c1".into(), "write");
        run.tool_args(&open, arguments);
        let call = run.end_call(open);
        run.tool_result(call, "refused");
        assert_eq!(final_state(run.finish()), None, "{why}");
    }
}

#[test]
fn predicts_several_and_oddly_named_members() {
    let state =
        || serde_json::from_str::<Value>(r#"{"__proto__": "old", "filler": "fill fill fill"}"#).unwrap();
    let predictions = ["a/b", "~1", "", "__proto__"].map(|key| prediction(key, "text"));
    let predictions = predictions.into_iter().chain([prediction("steps", "steps")]).collect();
    let mut run = begin_run().with_state(state()).with_predictions(predictions);
    let arguments = r#"{"steps":[{"a":1},{"a":[2]},{"__proto__":"x"},{"__proto__":"xy"}],"text":"On\"ce"}"#;
    let pieces: Vec<&str> = (0..arguments.len()).map(|at| &arguments[at..=at]).collect();
    let call = stream_call(&mut run, "c1", &pieces);
    let mut events = values(std::iter::from_fn(|| run.next_event()));
    let cut = json!({"type": "RUN_ERROR", "code": "CUT", "timestamp": 1});
    let predicted = event_order::Client::default().read(events.iter().chain([&cut])).unwrap().state.unwrap();
    let steps = json!([{"a": 1}, {"a": [2]}, {"__proto__": "x"}, {"__proto__": "xy"}]);
    assert_eq!(predicted["steps"], steps);
    for key in ["a/b", "~1", "", "__proto__"] {
        assert_eq!(predicted[key], "On\"ce", "{key}");
    }
    run.tool_result(call, "refused");
    events.extend(values(run.finish()));

    assert_eq!(event_order::Client::default().read(&events).unwrap().state, Some(state()));
}

#[test]
fn prediction_bytes_are_linear_in_the_argument() {
    // 33 accounts for the repeated bytes, since each prediction is longer by 1/32; the rest is for what is not repeated.
    const MULTIPLE: usize = 36;
    let text = "Once upon a time it. ".repeat(10_000);
    let arguments = json!({"title": "A story", "text": text}).to_string();
    let deltas: Vec<&str> =
        arguments.as_bytes().chunks(20).map(|delta| std::str::from_utf8(delta).unwrap()).collect();
    for (why, key, state) in [
        ("deltas", "document", json!({})),
        ("snapshots", "__proto__", json!({"filler": "long ".repeat(4_000)})),
        ("beside a large state", "document", json!({"filler": "long ".repeat(4_000)})),
    ] {
        let mut run = begin_run().with_state(state).with_predictions(vec![prediction(key, "text")]);
        let call = stream_call(&mut run, "c1", &deltas);
        let events = values(std::iter::from_fn(|| run.next_event()));
        let sent = events.iter().filter(|event| event["type"].as_str().unwrap().starts_with("STATE_"));
        let lengths: Vec<usize> = sent.map(|event| event.to_string().len()).collect();
        let bytes: usize = lengths.iter().sum();
        assert!(bytes < MULTIPLE * arguments.len(), "{why}: {bytes} bytes in {} events", lengths.len());
        assert!(lengths.len() > 75, "{why}: it is seen to grow, in {} events", lengths.len());
        run.tool_result(call, "written");
        let _rest = run.finish();
    }
}
