//! Shared state, steps and activities.

use ag_ui_lambda::transcript::RunError;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{begin_run, checked_outline, object, values};
use crate::support::event_order;

#[test]
fn state_starts_as_snapshot_then_smallest_form() {
    let soup =
        |servings: u32| json!({"recipe": {"title": "A soup of what the garden has", "servings": servings}});
    let mut run = begin_run().with_state(soup(2));
    run.set_state(soup(2));
    run.set_state(soup(4));
    run.set_state(soup(6));
    run.set_state(soup(6));
    run.set_state(json!({}));

    assert_snapshot!(checked_outline(run.finish()), @r#"
    RUN_STARTED
    STATE_SNAPSHOT {"recipe":{"servings":4,"title":"A soup of what the garden has"}}
    STATE_DELTA [{"op":"replace","path":"/recipe/servings","value":6}]
    STATE_SNAPSHOT {}
    RUN_FINISHED success
    "#);
}

#[test]
fn unpatchable_change_emits_a_snapshot() {
    let state = |inner: &str| {
        let text = format!(r#"{{"__proto__": "{inner}", "filler": "{}"}}"#, "long ".repeat(20));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let mut run = begin_run();
    run.set_state(state("one"));
    run.set_state(state("two"));

    let events = values(run.finish());

    assert_eq!([&events[1]["type"], &events[2]["type"]], ["STATE_SNAPSHOT", "STATE_SNAPSHOT"]);
    assert_eq!(event_order::check(&events), Ok(()));
}

#[test]
fn equal_step_names_are_numbered_and_closed() {
    let mut run = begin_run();
    let first = run.start_step("search");
    let second = run.start_step("search");
    let third = run.start_step("search");
    assert_eq!([&first, &second, &third].map(|step| step.name()), ["search", "search (2)", "search (3)"]);
    run.end_step(second);
    drop((first, third));

    assert_snapshot!(checked_outline(run.fail(RunError { code: "INTERNAL", message: "Sorry." })), @r#"
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

#[test]
fn activity_message_changes_in_place() {
    let mut run = begin_run();
    run.start_turn();
    run.text("Looking.");
    let found = |found: u32| object(json!({"found": found, "where": ["north", "east", "south", "west"]}));
    let search = run.start_activity("com.acme.search", found(0));
    run.update_activity(&search, found(1));
    run.update_activity(&search, found(1));
    run.update_activity(&search, object(json!({"done": true})));

    assert_snapshot!(checked_outline(run.finish()), @r#"
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
