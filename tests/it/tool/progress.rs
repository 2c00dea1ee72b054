//! Steps, activities and custom events that tools send while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ag_ui_lambda::agent::{Agent, Limits, RunRequest};
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{NoArgs, ProgressError, StateError, ToolContext, ToolError, tool_fn};
use futures_util::StreamExt as _;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{client_after, scenario_calling};
use crate::support::scenario::Caller;

/// A tool with an activity, a step and a custom event.
pub(super) async fn survey(context: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    let progress = context.progress();
    let mut search = progress
        .activity("com.acme.search", json!({"found": 0, "where": ["north", "east", "south", "west"]}))
        .await?;
    let step = progress.step("Looking").await;
    search.set("/found", 3).await?;
    progress.custom("com.acme.found", json!({"count": 3})).await?;
    step.end().await;
    search.update(|content| content.clear()).await;
    Ok("Done.")
}

#[tokio::test]
async fn progress_is_ordered_and_precedes_the_result() {
    let run = scenario_calling(tool_fn("survey", "Looks around.", survey)).run().await;

    assert_snapshot!(run.outline(), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 survey in m1
    TOOL_CALL_ARGS c1 {
    TOOL_CALL_ARGS c1 }
    TOOL_CALL_END c1
    ACTIVITY_SNAPSHOT m2 com.acme.search {"found":0,"where":["north","east","south","west"]}
    STEP_STARTED Looking
    ACTIVITY_DELTA m2 com.acme.search [{"op":"replace","path":"/found","value":3}]
    CUSTOM com.acme.found {"count":3}
    STEP_FINISHED Looking
    ACTIVITY_SNAPSHOT m2 com.acme.search {}
    TOOL_CALL_RESULT c1 m3 "Done."
    RUN_FINISHED success
    "#);
}

#[tokio::test(start_paused = true)]
async fn steps_close_before_the_result_on_every_outcome() {
    #[derive(Clone, Copy, Debug)]
    enum Ending {
        Return,
        Fail,
        Panic,
        Hang,
    }
    for ending in [Ending::Return, Ending::Fail, Ending::Panic, Ending::Hang] {
        let tool = move |context: ToolContext<Caller>, _: NoArgs| async move {
            let _step = context.progress().step("Trying").await;
            match ending {
                Ending::Return => Ok("done"),
                Ending::Fail => Err(ToolError::refused("No.")),
                Ending::Panic => panic!("on purpose"),
                Ending::Hang => std::future::pending().await,
            }
        };
        let run = scenario_calling(tool_fn("try", "Tries.", tool)).run().await;

        let kinds: Vec<&str> = run.events.iter().filter_map(|event| event["type"].as_str()).collect();
        let steps = kinds.iter().skip_while(|kind| **kind != "STEP_STARTED").take(3);
        assert_eq!(
            steps.collect::<Vec<_>>(),
            [&"STEP_STARTED", &"STEP_FINISHED", &"TOOL_CALL_RESULT"],
            "{ending:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_run_emits_and_closes_tool_events() {
    let tool = |context: ToolContext<Caller>, _: NoArgs| async move {
        let progress = context.progress();
        let _outer = progress.step("Outer").await;
        let _inner = progress.step("Inner").await;
        context.state().set("/is_begun", true).await?;
        std::future::pending::<Result<(), ToolError>>().await
    };
    let limits = Limits { run_timeout: Duration::from_secs(5), ..Limits::default() };
    let run = scenario_calling(tool_fn("hang", "Hangs.", tool))
        .with_agent(|agent| agent.limits(limits))
        .run()
        .await;

    assert_snapshot!(run.outline(), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 hang in m1
    TOOL_CALL_ARGS c1 {
    TOOL_CALL_ARGS c1 }
    TOOL_CALL_END c1
    STEP_STARTED Outer
    STEP_STARTED Inner
    STATE_SNAPSHOT {"is_begun":true}
    STEP_FINISHED Inner
    STEP_FINISHED Outer
    TOOL_CALL_RESULT c1 m2 "{\"error\":\"The run ended before this tool finished.\"}"
    RUN_FINISHED cancelled "RUN_TIMEOUT"
    "#);
}

/// Starts a run that calls this tool, and returns its stream of events.
async fn start_run<T: ag_ui_lambda::Tool<Caller>>(tool: T) -> ag_ui_lambda::agent::RunStream {
    let model = Scripted::turns([Script::new().call("c1", tool.name(), &json!({}))]);
    let agent = Agent::builder(model).tool(tool).build().unwrap();
    let input =
        json!({"threadId": "t", "runId": "r", "messages": [{"id": "u", "role": "user", "content": "Go"}]});
    agent.run(RunRequest::new(Caller::default(), RunAgentInput::read(input).unwrap().input)).await.unwrap()
}

/// Reads events until one has this type.
async fn read_until(run: &mut ag_ui_lambda::agent::RunStream, kind: &str) {
    loop {
        let event = run.next().await.unwrap_or_else(|| panic!("no {kind}"));
        if serde_json::to_value(event).unwrap()["type"] == kind {
            return;
        }
    }
}

#[tokio::test]
async fn tool_events_are_sent_before_the_tool_continues() {
    let seen = Arc::new(Notify::new());
    let waits = Arc::clone(&seen);
    let mut run = start_run(tool_fn(
        "wait",
        "Waits for the reader.",
        move |context: ToolContext<Caller>, _: NoArgs| {
            let seen = Arc::clone(&waits);
            async move {
                let step = context.progress().step("Waiting").await;
                seen.notified().await;
                drop(step);
                seen.notified().await;
                Ok("seen")
            }
        },
    ))
    .await;

    read_until(&mut run, "STEP_STARTED").await;
    seen.notify_one();
    read_until(&mut run, "STEP_FINISHED").await;
    seen.notify_one();
    read_until(&mut run, "TOOL_CALL_RESULT").await;
}

#[tokio::test]
async fn tool_waits_for_a_slow_reader() {
    let produced = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&produced);
    let mut run = start_run(tool_fn("talk", "Talks.", move |context: ToolContext<Caller>, _: NoArgs| {
        let produced = Arc::clone(&counts);
        async move {
            for number in 0..100 {
                context.progress().custom("com.acme.number", number).await?;
                produced.fetch_add(1, Ordering::Relaxed);
            }
            Ok("said")
        }
    }))
    .await;

    for read in 1..=100 {
        read_until(&mut run, "CUSTOM").await;
        let produced = produced.load(Ordering::Relaxed);
        assert!(produced <= read + 1, "{produced} said when {read} were read");
    }
}

#[tokio::test(start_paused = true)]
async fn very_slow_reader_loses_no_tool_event() {
    let mut run =
        start_run(tool_fn("set", "Sets three.", |context: ToolContext<Caller>, _: NoArgs| async move {
            let state = context.state();
            let _set = tokio::join!(state.set("/a", 1), state.set("/b", 2), state.set("/c", 3));
            std::future::pending::<Result<(), ToolError>>().await
        }))
        .await;
    let mut events = Vec::new();
    while events.last().is_none_or(|event: &Value| event["type"] != "STATE_SNAPSHOT") {
        events.push(serde_json::to_value(run.next().await.unwrap()).unwrap());
    }

    tokio::time::advance(Limits::default().run_timeout + Duration::from_secs(1)).await;
    let rest = run.map(|event| serde_json::to_value(event).unwrap()).collect::<Vec<_>>().await;
    events.extend(rest);

    assert_eq!(events.last().unwrap()["type"], "RUN_ERROR", "to a client before 1.0");
    assert_eq!(client_after(&events).state, Some(json!({"a": 1, "b": 2, "c": 3})));
}

#[tokio::test]
async fn invalid_tool_events_are_tool_errors() {
    async fn fails(context: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
        let progress = context.progress();
        let reserved = progress.custom("PredictState", 1).await;
        assert!(matches!(reserved, Err(ProgressError::NoPrefix(_))));
        assert!(matches!(progress.activity("a", 1).await, Err(ProgressError::NotAnObject)));
        let state = context.state();
        assert!(matches!(state.set("a", 1).await, Err(StateError::InvalidPointer(_))));
        assert!(matches!(state.get::<u32>("a"), Err(StateError::InvalidPointer(_))));
        assert!(matches!(state.set("/list/7", 1).await, Err(StateError::Unreachable(_))));
        let mut activity = progress.activity("a", json!({"list": []})).await?;
        assert!(matches!(activity.set("/list/7", 1).await, Err(StateError::Unreachable(_))));
        assert!(matches!(activity.set("", 1).await, Err(StateError::Unreachable(_))));
        Ok("on purpose")
    }
    let run =
        scenario_calling(tool_fn("fails", "Fails.", fails)).input("state", json!({"list": []})).run().await;

    assert!(run.outline().contains("on purpose"), "{}", run.outline());
    assert!(!run.outline().contains("STATE_"), "{}", run.outline());
    assert!(!run.outline().contains("ACTIVITY_DELTA"), "{}", run.outline());
}
