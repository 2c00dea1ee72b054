//! The transcript: whatever is said, clients accept the order.

use ag_ui_lambda::protocol::{
    Content, ContentPart, Event, FunctionCall, Interrupt, PartKind, Prediction, Source, TokenUsage, ToolCall,
};
use ag_ui_lambda::transcript::{ClosedCall, Counting, RunError, Transcript};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{oracle, outline::outline};

fn begin() -> Transcript<Counting> {
    Transcript::begin("t".into(), "r".into(), Counting::default())
}

pub(crate) fn values(events: impl IntoIterator<Item = Event>) -> Vec<Value> {
    events.into_iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

fn told(events: impl IntoIterator<Item = Event>) -> String {
    let events = values(events);
    assert_eq!(oracle::check(&events), Ok(()), "\n{}", outline(&events));
    outline(&events)
}

#[test]
fn text_and_calls_of_a_turn_share_a_message() {
    let mut run = begin();
    run.turn();
    run.text("Let me ");
    run.text("see.");
    let call = run.tool_call("c1".into(), "clock");
    run.tool_args(&call, "{\"zone\":");
    run.tool_args(&call, "\"UTC\"}");
    let call = run.end_call(call);
    run.tool_result(call, "noon");
    run.turn();
    run.text("It is noon.");

    assert_snapshot!(told(run.finish()), @r#"
    RUN_STARTED
    TEXT_MESSAGE_START m1
    TEXT_MESSAGE_CONTENT m1 "Let me "
    TEXT_MESSAGE_CONTENT m1 "see."
    TEXT_MESSAGE_END m1
    TOOL_CALL_START c1 clock in m1
    TOOL_CALL_ARGS c1 {"zone":
    TOOL_CALL_ARGS c1 "UTC"}
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m2 "noon"
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "It is noon."
    TEXT_MESSAGE_END m3
    RUN_FINISHED success
    "#);
}

#[test]
fn given_reasoning_then_text_then_a_call_then_text_when_told_then_no_message_is_opened_twice() {
    let mut run = begin();
    run.turn();
    run.reasoning("Hm.");
    run.text("One");
    let call = run.tool_call("c1".into(), "clock");
    run.text("two");
    let call = run.end_call(call);
    run.left_to_client(call);

    assert_snapshot!(told(run.finish()), @r#"
    RUN_STARTED
    REASONING_START m1
    REASONING_MESSAGE_START m1
    REASONING_MESSAGE_CONTENT m1 "Hm."
    REASONING_MESSAGE_END m1
    REASONING_END m1
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "One"
    TEXT_MESSAGE_END m2
    TOOL_CALL_START c1 clock in m2
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "two"
    TOOL_CALL_ARGS c1 {}
    TOOL_CALL_END c1
    TEXT_MESSAGE_END m3
    RUN_FINISHED success ["c1"]
    "#);
}

#[test]
fn a_signature_ends_the_reasoning_before_it_and_stands_alone_where_there_is_none() {
    let mut run = begin();
    run.turn();
    run.reasoning("Hm.");
    run.sign_reasoning("one");
    run.hidden_reasoning("two");
    run.text("So.");
    let call = run.tool_call("c1".into(), "clock");
    run.sign_call(&call, "three");
    let call = run.end_call(call);
    run.left_to_client(call);

    assert_snapshot!(told(run.finish()), @r#"
    RUN_STARTED
    REASONING_START m1
    REASONING_MESSAGE_START m1
    REASONING_MESSAGE_CONTENT m1 "Hm."
    REASONING_MESSAGE_END m1
    REASONING_ENCRYPTED_VALUE message m1 one
    REASONING_END m1
    REASONING_START m2
    REASONING_MESSAGE_START m2
    REASONING_MESSAGE_END m2
    REASONING_ENCRYPTED_VALUE message m2 two
    REASONING_END m2
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "So."
    TEXT_MESSAGE_END m3
    TOOL_CALL_START c1 clock in m3
    REASONING_ENCRYPTED_VALUE tool-call c1 three
    TOOL_CALL_ARGS c1 {}
    TOOL_CALL_END c1
    RUN_FINISHED success ["c1"]
    "#);
}

#[test]
fn given_open_things_when_the_run_fails_then_they_are_closed_and_answered_first() {
    let mut run = begin();
    run.turn();
    let call = run.tool_call("c1".into(), "clock");
    run.tool_args(&call, "{\"zo");
    run.text("Let me");

    assert_snapshot!(told(run.fail(RunError { code: "MODEL_THROTTLED", message: "Busy." })), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 clock in m1
    TOOL_CALL_ARGS c1 {"zo
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "Let me"
    TEXT_MESSAGE_END m2
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m3 "{\"error\":\"The run ended before this tool finished.\"}"
    RUN_ERROR MODEL_THROTTLED
    "#);
}

#[test]
fn given_calls_that_nobody_answered_when_the_run_is_cancelled_then_they_get_a_result() {
    let mut run = begin();
    run.turn();
    let open = run.tool_call("c1".into(), "clock");
    let left = run.tool_call("c2".into(), "paint");
    let left = run.end_call(left);
    run.left_to_client(left);
    drop(open);

    assert_snapshot!(told(run.cancel("MAX_TURNS")), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 clock in m1
    TOOL_CALL_START c2 paint in m1
    TOOL_CALL_ARGS c2 {}
    TOOL_CALL_END c2
    TOOL_CALL_ARGS c1 {}
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m2 "{\"error\":\"The run ended before this tool finished.\"}"
    RUN_FINISHED cancelled "MAX_TURNS"
    "#);
}

/// What waits for an answer about a call.
pub(crate) fn interrupt(id: &str, call: &str) -> Interrupt {
    Interrupt {
        id: id.into(),
        reason: "tool_call".into(),
        message: None,
        tool_call_id: Some(call.into()),
        response_schema: None,
        expires_at: None,
        metadata: None,
        subagent_run_id: None,
    }
}

/// A run that asks about its second call, then about its first, and leaves a third to the client.
fn asking() -> Transcript<Counting> {
    let mut run = begin();
    run.turn();
    let [first, second, third] = ["c1", "c2", "c3"].map(|id| {
        let call = run.tool_call(id.into(), "pay");
        run.end_call(call)
    });
    run.ask(second, interrupt("i2", "c2"));
    run.ask(first, interrupt("i1", "c1"));
    run.left_to_client(third);
    run
}

#[test]
fn given_calls_that_a_person_is_asked_about_when_the_run_finishes_then_it_ends_in_interrupts_in_call_order() {
    let told = told(asking().finish());

    assert_snapshot!(told.lines().last().unwrap(), @"RUN_FINISHED interrupt tool_call c1 tool_call c2");
    assert!(!told.contains("TOOL_CALL_RESULT"), "{told}");
}

#[test]
fn given_calls_that_a_person_is_asked_about_when_the_run_ends_otherwise_then_they_are_answered() {
    for told in [
        told(asking().cancel("MAX_TURNS")),
        told(asking().fail(RunError { code: "INTERNAL", message: "No." })),
    ] {
        for call in ["c1", "c2"] {
            assert!(told.contains(&format!("TOOL_CALL_RESULT {call} ")), "{told}");
        }
        assert!(!told.contains("TOOL_CALL_RESULT c3") && !told.contains("interrupt"), "{told}");
    }
}

/// A call as the history of the next run has it.
pub(crate) fn earlier_call(id: &str, tool: &str) -> ToolCall {
    let function = FunctionCall { name: tool.into(), arguments: "{}".into() };
    ToolCall { id: id.into(), function, encrypted_value: None, metadata: None }
}

#[test]
fn given_a_run_that_answers_interrupts_when_it_fails_then_run_finished_comes_before_run_error() {
    for is_before_1_0 in [false, true] {
        let mut run = begin().answering_interrupts();
        if is_before_1_0 {
            run = run.for_client_before_1_0();
        }
        let call = run.earlier_call(&earlier_call("c1", "clock"));
        run.text("Let me");
        drop(call);
        run.usage(&TokenUsage { input_tokens: Some(7), ..TokenUsage::default() });
        let events = values(run.fail(RunError { code: "INTERNAL", message: "Sorry." }));

        let lines: Vec<String> = outline(&events).lines().map(ToOwned::to_owned).collect();
        assert_eq!(
            lines[4..],
            [
                r#"TOOL_CALL_RESULT c1 m2 "{\"error\":\"The run ended before this tool finished.\"}""#,
                r#"RUN_FINISHED success [{"inputTokens":7}]"#,
                "RUN_ERROR INTERNAL",
            ]
        );
        assert_eq!(events.last().unwrap()["usage"], Value::Null, "tokens are counted once");
    }
}

#[test]
fn given_a_run_that_answers_interrupts_when_it_is_cancelled_then_run_finished_says_so_or_comes_first() {
    let ending = |run: Transcript<Counting>| {
        let kinds = values(run.cancel("MAX_TURNS")).split_off(1);
        kinds
            .iter()
            .map(|event| format!("{} {}", event["type"], event["outcome"]["type"]))
            .collect::<Vec<_>>()
    };

    assert_eq!(ending(begin().answering_interrupts()), [r#""RUN_FINISHED" "cancelled""#]);
    assert_eq!(
        ending(begin().answering_interrupts().for_client_before_1_0()),
        [r#""RUN_FINISHED" "success""#, r#""RUN_ERROR" null"#]
    );
}

#[test]
fn given_a_call_that_was_predicted_in_an_earlier_run_when_it_is_answered_then_the_state_is_told_first() {
    let prediction =
        Prediction { state_key: "draft".into(), tool: "write".into(), tool_argument: "text".into() };
    let run = Transcript::begin("t".into(), "r2".into(), Counting::default());
    let mut run = run.with_state(json!({"draft": "old"})).with_predictions(vec![prediction]);
    let call = run.earlier_call(&earlier_call("c1", "write"));
    run.tool_result(call, "denied");

    let events: Vec<String> = run.finish().iter().map(|event| json!(event)["type"].to_string()).collect();
    assert_eq!(events, ["\"RUN_STARTED\"", "\"STATE_SNAPSHOT\"", "\"TOOL_CALL_RESULT\"", "\"RUN_FINISHED\""]);
}

#[test]
fn given_a_call_of_an_earlier_run_when_it_is_answered_then_nothing_but_its_result_is_told() {
    let mut run = begin();
    run.reserve_call("c1".into());
    let call = run.earlier_call(&earlier_call("c1", "clock"));
    run.tool_result(call, "paid");
    let events = values(run.finish());

    assert_eq!(oracle::Client::after(vec!["c1".into()]).read(&events).map(drop), Ok(()));
    assert_snapshot!(outline(&events), @r#"
    RUN_STARTED
    TOOL_CALL_RESULT c1 m1 "paid"
    RUN_FINISHED success
    "#);
}

#[test]
fn given_a_call_id_that_the_thread_has_used_when_called_again_then_the_call_gets_another() {
    let mut run = begin();
    run.reserve_call("c1".into());
    let first = run.tool_call("c1".into(), "clock");
    let second = run.tool_call("c2".into(), "clock");
    let third = run.tool_call("c2".into(), "clock");

    assert_eq!([first.id(), second.id(), third.id()].map(|id| id.as_str()), ["renamed1", "c2", "renamed2"]);
    told(run.cancel("STOPPED"));
}

#[test]
fn given_a_client_before_1_0_when_the_run_ends_then_it_ends_in_what_that_client_knows() {
    let run = || {
        let mut run = begin().for_client_before_1_0();
        let call = run.tool_call("c1".into(), "paint");
        let call = run.end_call(call);
        run.left_to_client(call);
        run
    };

    let finished = values(run().finish());
    assert_eq!(finished.last().unwrap()["outcome"], serde_json::json!({"type": "success"}));
    let cancelled = values(run().cancel("MAX_TURNS"));
    assert_snapshot!(outline(&cancelled).lines().last().unwrap(), @"RUN_ERROR MAX_TURNS");
}

#[test]
fn tokens_are_summed_by_provider_and_model() {
    let used = |model: &str, input, output| TokenUsage {
        provider: Some("p".into()),
        model: Some(model.into()),
        input_tokens: Some(input),
        output_tokens: Some(output),
        ..TokenUsage::default()
    };
    let mut run = begin();
    run.usage(&used("a", 10, 1));
    run.usage(&used("b", 5, 5));
    run.usage(&used("a", 20, 2));

    assert_eq!(run.tokens(), 43);
    assert_snapshot!(told(run.finish()), @r#"
    RUN_STARTED
    RUN_FINISHED success [{"inputTokens":30,"model":"a","outputTokens":3,"provider":"p"},{"inputTokens":5,"model":"b","outputTokens":5,"provider":"p"}]
    "#);
}

#[test]
fn state_is_told_as_a_whole_first_and_then_in_the_fewest_bytes() {
    let soup =
        |servings: u32| json!({"recipe": {"title": "A soup of what the garden has", "servings": servings}});
    let mut run = begin().with_state(soup(2));
    run.state(soup(2));
    run.state(soup(4));
    run.state(soup(6));
    run.state(soup(6));
    run.state(json!({}));

    assert_snapshot!(told(run.finish()), @r#"
    RUN_STARTED
    STATE_SNAPSHOT {"recipe":{"servings":4,"title":"A soup of what the garden has"}}
    STATE_DELTA [{"op":"replace","path":"/recipe/servings","value":6}]
    STATE_SNAPSHOT {}
    RUN_FINISHED success
    "#);
}

#[test]
fn a_change_that_clients_refuse_to_apply_is_told_as_a_whole() {
    let state = |inner: &str| {
        let text = format!(r#"{{"__proto__": "{inner}", "filler": "{}"}}"#, "long ".repeat(20));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let mut run = begin();
    run.state(state("one"));
    run.state(state("two"));

    let events = values(run.finish());

    assert_eq!([&events[1]["type"], &events[2]["type"]], ["STATE_SNAPSHOT", "STATE_SNAPSHOT"]);
    assert_eq!(oracle::check(&events), Ok(()));
}

#[test]
fn steps_of_one_name_get_numbers_and_what_is_open_is_closed_at_the_end() {
    let mut run = begin();
    let first = run.step("search");
    let second = run.step("search");
    let third = run.step("search");
    assert_eq!([&first, &second, &third].map(|step| step.name()), ["search", "search (2)", "search (3)"]);
    run.end_step(second);
    drop((first, third));

    assert_snapshot!(told(run.fail(RunError { code: "INTERNAL", message: "Sorry." })), @r#"
    RUN_STARTED
    STEP_STARTED search
    STEP_STARTED search (2)
    STEP_STARTED search (3)
    STEP_FINISHED search (2)
    STEP_FINISHED search (3)
    STEP_FINISHED search
    RUN_ERROR INTERNAL
    "#);
}

pub(crate) fn object(value: Value) -> serde_json::Map<String, Value> {
    let Value::Object(members) = value else { panic!("an object") };
    members
}

#[test]
fn an_activity_is_a_message_whose_content_changes_in_its_place() {
    let mut run = begin();
    run.turn();
    run.text("Looking.");
    let found = |found: u32| object(json!({"found": found, "where": ["north", "east", "south", "west"]}));
    let search = run.activity("com.acme.search", found(0));
    run.change_activity(&search, found(1));
    run.change_activity(&search, found(1));
    run.change_activity(&search, object(json!({"done": true})));

    assert_snapshot!(told(run.finish()), @r#"
    RUN_STARTED
    TEXT_MESSAGE_START m1
    TEXT_MESSAGE_CONTENT m1 "Looking."
    TEXT_MESSAGE_END m1
    ACTIVITY_SNAPSHOT m2 com.acme.search {"found":0,"where":["north","east","south","west"]}
    ACTIVITY_DELTA m2 com.acme.search [{"op":"replace","path":"/found","value":1}]
    ACTIVITY_SNAPSHOT m2 com.acme.search {"done":true}
    RUN_FINISHED success
    "#);
}

fn prediction(state_key: &str, tool_argument: &str) -> Prediction {
    Prediction { state_key: state_key.into(), tool: "write".into(), tool_argument: tool_argument.into() }
}

pub(crate) fn predicting(state: Value) -> Transcript<Counting> {
    begin().with_state(state).with_predictions(vec![prediction("document", "text")])
}

/// A call whose arguments come in these pieces.
fn write(run: &mut Transcript<Counting>, id: &str, pieces: &[&str]) -> ClosedCall {
    let call = run.tool_call(id.into(), "write");
    pieces.iter().for_each(|piece| run.tool_args(&call, piece));
    run.end_call(call)
}

/// The state that the client holds in the end.
fn held(events: impl IntoIterator<Item = Event>) -> Option<Value> {
    oracle::Client::default().read(&values(events)).unwrap().state
}

#[test]
fn an_argument_is_shown_as_state_while_it_streams_and_taken_back_before_another_result() {
    let mut run = predicting(json!({"document": "old", "title": "A story"}));
    let other = run.tool_call("c1".into(), "clock");
    let call = write(&mut run, "c2", &["{\"te", "xt\":\"On", "ce\\u00", "e9", " more\"", "}"]);
    let other = run.end_call(other);
    run.tool_result(other, "noon");
    run.tool_result(call, "refused");

    assert_snapshot!(told(run.finish()), @r#"
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
fn a_prediction_that_comes_true_is_not_sent_again() {
    let mut run = predicting(json!({}));
    let call = write(&mut run, "c1", &["{\"text\":", "\"Once\"}"]);
    run.state(json!({"document": "Once"}));
    run.tool_result(call, "written");
    run.state(json!({"document": "Once", "is_read": true}));

    assert_snapshot!(told(run.finish()), @r#"
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
fn a_prediction_stays_beside_other_changes_and_gives_way_to_a_change_of_its_member() {
    let mut run = predicting(json!({"document": "old", "filler": "long ".repeat(20)}));
    let call = write(&mut run, "c1", &["{\"text\":\"Once\"}"]);
    let state = |document: &str, count: u32| json!({"document": document, "count": count, "filler": "long ".repeat(20)});
    let mut seen = Vec::new();
    for now in [state("old", 1), state("ONCE", 1), state("ONCE", 2)] {
        run.state(now);
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
fn a_prediction_stays_with_a_call_that_waits_and_falls_with_a_run_that_is_cut_short() {
    type End = fn(Transcript<Counting>) -> std::collections::VecDeque<Event>;
    type Then = fn(&mut Transcript<Counting>, ClosedCall);
    let nothing: Then = |_, _| {};
    let leave: Then = |run, call| run.left_to_client(call);
    let ask: Then = |run, call| run.ask(call, interrupt("i1", "c1"));
    let answer: Then = |run, call| run.tool_result(call, "refused");
    let finish: End = Transcript::finish;
    let cancel: End = |run| run.cancel("MAX_TURNS");
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
            let call = write(&mut run, "c1", &["{\"text\":", "\"Once\"}"]);
            then(&mut run, call);
            assert_eq!(held(end(run)), Some(json!({"document": document})), "{why}, {emits}");
        }
    }
    let mut run = predicting(json!({"document": "old"}));
    let open = run.tool_call("c1".into(), "write");
    run.tool_args(&open, "{\"text\":\"On");
    let events = values(run.fail(RunError { code: "MODEL_STREAM_CUT", message: "Sorry." }));
    assert_eq!(oracle::Client::default().read(&events).unwrap().state, Some(json!({"document": "old"})));
}

#[test]
fn each_call_is_announced_where_predict_state_is_emitted_and_each_prediction_is_a_snapshot() {
    let mut run = predicting(json!({"document": "old"})).emit_predict_state(true);
    let other = run.tool_call("c1".into(), "clock");
    let other = run.end_call(other);
    run.tool_result(other, "noon");
    let call = write(&mut run, "c2", &["{\"text\":\"On", "ce\"}"]);
    run.tool_result(call, "refused");
    run.turn();
    let call = write(&mut run, "c3", &["{\"text\":\"new\"}"]);
    run.state(json!({"document": "new"}));
    run.tool_result(call, "written");
    run.turn();
    let call = write(&mut run, "c4", &[]);
    run.tool_result(call, "refused");

    assert_snapshot!(told(run.finish()), @r#"
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
fn what_is_no_argument_and_what_is_no_state_predicts_nothing() {
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
        assert_eq!(held(run.finish()), None, "{why}");
    }
}

#[test]
fn members_with_odd_names_and_several_members_are_predicted_as_others_are() {
    let state =
        || serde_json::from_str::<Value>(r#"{"__proto__": "old", "filler": "fill fill fill"}"#).unwrap();
    let predictions = ["a/b", "~1", "", "__proto__"].map(|key| prediction(key, "text"));
    let predictions = predictions.into_iter().chain([prediction("steps", "steps")]).collect();
    let mut run = begin().with_state(state()).with_predictions(predictions);
    let arguments = r#"{"steps":[{"a":1},{"a":[2]},{"__proto__":"x"},{"__proto__":"xy"}],"text":"On\"ce"}"#;
    let pieces: Vec<&str> = (0..arguments.len()).map(|at| &arguments[at..=at]).collect();
    let call = write(&mut run, "c1", &pieces);
    let mut events = values(std::iter::from_fn(|| run.next_event()));
    let cut = json!({"type": "RUN_ERROR", "code": "CUT", "timestamp": 1});
    let predicted = oracle::Client::default().read(events.iter().chain([&cut])).unwrap().state.unwrap();
    let steps = json!([{"a": 1}, {"a": [2]}, {"__proto__": "x"}, {"__proto__": "xy"}]);
    assert_eq!(predicted["steps"], steps);
    for key in ["a/b", "~1", "", "__proto__"] {
        assert_eq!(predicted[key], "On\"ce", "{key}");
    }
    run.tool_result(call, "refused");
    events.extend(values(run.finish()));

    assert_eq!(oracle::Client::default().read(&events).unwrap().state, Some(state()));
}

#[test]
fn predictions_of_a_long_argument_cost_a_fixed_multiple_of_its_bytes() {
    // 33 for what is repeated, since each prediction is longer by one part in 32; the rest is for what is not repeated.
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
        let mut run = begin().with_state(state).with_predictions(vec![prediction(key, "text")]);
        let call = write(&mut run, "c1", &deltas);
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

#[test]
fn a_result_in_parts_is_its_text_to_a_client_before_1_0() {
    let parts = || {
        let text = |text: &str| ContentPart::from(PartKind::Text { text: text.into() });
        let image = ContentPart::from(PartKind::Image { source: Source::bytes([1, 2, 3], "image/png") });
        Content::Parts(vec![text("One."), image, text("Two.")])
    };
    let content = |mut run: Transcript<Counting>| {
        let call = run.tool_call("c1".into(), "chart");
        let call = run.end_call(call);
        run.tool_result(call, parts());
        values(run.finish()).into_iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap()["content"]
            .take()
    };

    assert_eq!(content(begin().for_client_before_1_0()), "One.\nTwo.");
    assert_eq!(
        content(begin()),
        json!([
            {"type": "text", "text": "One."},
            {"type": "image", "source": {"type": "data", "value": "AQID", "mimeType": "image/png"}},
            {"type": "text", "text": "Two."},
        ])
    );
}
