//! Interrupts, and calls of earlier runs that a run answers.

use ag_ui_lambda::protocol::{Prediction, TokenUsage};
use ag_ui_lambda::transcript::{RunError, SequentialIds, Transcript};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{begin_run, cancelled, checked_outline, earlier_call, interrupt, values};
use crate::support::event_order;
use crate::support::outline::outline;

/// Returns a run with interrupts for its second and then its first call, and a third call for the client.
fn run_with_interrupts() -> Transcript<SequentialIds> {
    let mut run = begin_run();
    run.start_turn();
    let [first, second, third] = ["c1", "c2", "c3"].map(|id| {
        let call = run.tool_call(id.into(), "pay");
        run.end_call(call)
    });
    run.interrupt(second, interrupt("i2", "c2"));
    run.interrupt(first, interrupt("i1", "c1"));
    run.defer_to_client(third);
    run
}

#[test]
fn run_finished_lists_interrupts_in_call_order() {
    let lines = checked_outline(run_with_interrupts().finish());

    assert_snapshot!(lines.lines().last().unwrap(), @"RUN_FINISHED interrupt tool_call c1 tool_call c2");
    assert!(!lines.contains("TOOL_CALL_RESULT"), "{lines}");
}

#[test]
fn other_endings_answer_interrupted_calls() {
    for lines in [
        checked_outline(run_with_interrupts().cancel(cancelled("MAX_TURNS"))),
        checked_outline(run_with_interrupts().fail(RunError { code: "INTERNAL", message: "No." })),
    ] {
        for call in ["c1", "c2"] {
            assert!(lines.contains(&format!("TOOL_CALL_RESULT {call} ")), "{lines}");
        }
        assert!(!lines.contains("TOOL_CALL_RESULT c3") && !lines.contains("interrupt"), "{lines}");
    }
}

#[test]
fn resumed_run_emits_run_finished_before_run_error() {
    for is_before_1_0 in [false, true] {
        let mut run = begin_run().answering_interrupts();
        if is_before_1_0 {
            run = run.for_client_before_1_0();
        }
        let call = run.resume_call(&earlier_call("c1", "clock"));
        run.text("Let me");
        drop(call);
        run.add_usage(&TokenUsage { input_tokens: Some(7), ..TokenUsage::default() });
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
fn cancelled_resumed_run_emits_run_finished() {
    let ending = |run: Transcript<SequentialIds>| {
        let kinds = values(run.cancel(cancelled("MAX_TURNS"))).split_off(1);
        kinds
            .iter()
            .map(|event| format!("{} {}", event["type"], event["outcome"]["type"]))
            .collect::<Vec<_>>()
    };

    assert_eq!(ending(begin_run().answering_interrupts()), [r#""RUN_FINISHED" "cancelled""#]);
    assert_eq!(
        ending(begin_run().answering_interrupts().for_client_before_1_0()),
        [r#""RUN_FINISHED" "success""#, r#""RUN_ERROR" null"#]
    );
}

#[test]
fn earlier_predicted_call_emits_state_before_result() {
    let prediction =
        Prediction { state_key: "draft".into(), tool: "write".into(), tool_argument: "text".into() };
    let run = Transcript::begin("t".into(), "r2".into(), SequentialIds::default());
    let mut run = run.with_state(json!({"draft": "old"})).with_predictions(vec![prediction]);
    let call = run.resume_call(&earlier_call("c1", "write"));
    run.tool_result(call, "denied");

    let events: Vec<String> = run.finish().iter().map(|event| json!(event)["type"].to_string()).collect();
    assert_eq!(events, ["\"RUN_STARTED\"", "\"STATE_SNAPSHOT\"", "\"TOOL_CALL_RESULT\"", "\"RUN_FINISHED\""]);
}

#[test]
fn earlier_call_emits_only_its_result() {
    let mut run = begin_run();
    run.reserve_call_id("c1".into());
    let call = run.resume_call(&earlier_call("c1", "clock"));
    run.tool_result(call, "paid");
    let events = values(run.finish());

    assert_eq!(event_order::Client::with_open_calls(vec!["c1".into()]).read(&events).map(drop), Ok(()));
    assert_snapshot!(outline(&events), @r#"
    RUN_STARTED
    TOOL_CALL_RESULT c1 m1 "paid"
    RUN_FINISHED success
    "#);
}
