//! Messages, calls, usage and endings of a run.

use ag_ui_lambda::protocol::{Content, ContentPart, PartKind, Source, TokenUsage};
use ag_ui_lambda::transcript::{RunError, SequentialIds, Transcript};
use insta::assert_snapshot;
use serde_json::json;

use super::{begin_run, cancelled, checked_outline, values};
use crate::support::outline::outline;

#[test]
fn text_and_calls_of_a_turn_share_a_message() {
    let mut run = begin_run();
    run.start_turn();
    run.text("Let me ");
    run.text("see.");
    let call = run.tool_call("c1".into(), "clock");
    run.tool_args(&call, "{\"zone\":");
    run.tool_args(&call, "\"UTC\"}");
    let call = run.end_call(call);
    run.tool_result(call, "noon");
    run.start_turn();
    run.text("It is noon.");

    assert_snapshot!(checked_outline(run.finish()), @r#"
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
fn only_a_run_that_succeeds_has_a_result() {
    let with_result = || {
        let mut run = begin_run().answering_interrupts();
        run.set_result(json!({"draft": 1}));
        run.set_result(json!({"city": "Oslo"}));
        run
    };
    let mut interrupted = with_result();
    let call = interrupted.tool_call("c1".into(), "refund");
    let call = interrupted.end_call(call);
    interrupted.interrupt(call, super::interrupt("i1", "c1"));
    let mut emptied = with_result();
    emptied.set_result(json!(null));

    for (why, events, expected) in [
        ("success", with_result().finish(), json!({"city": "Oslo"})),
        ("null is no result", emptied.finish(), json!(null)),
        ("a call waits for a person", interrupted.finish(), json!(null)),
        ("cancelled", with_result().cancel(cancelled("STOPPED")), json!(null)),
        ("failed", with_result().fail(RunError { code: "INTERNAL", message: "Sorry." }), json!(null)),
    ] {
        let events = values(events);
        let finished = events.iter().find(|event| event["type"] == "RUN_FINISHED").unwrap();
        assert_eq!(finished["result"], expected, "{why}");
        assert_eq!(finished.get("result").is_some(), !expected.is_null(), "{why}");
    }
}

#[test]
fn interleaved_content_opens_no_message_twice() {
    let mut run = begin_run();
    run.start_turn();
    run.reasoning("Hm.");
    run.text("One");
    let call = run.tool_call("c1".into(), "clock");
    run.text("two");
    let call = run.end_call(call);
    run.defer_to_client(call);

    assert_snapshot!(checked_outline(run.finish()), @r#"
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
fn signature_closes_reasoning_or_stands_alone() {
    let mut run = begin_run();
    run.start_turn();
    run.reasoning("Hm.");
    run.attach_to_reasoning("one");
    run.encrypted_reasoning("two");
    run.text("So.");
    let call = run.tool_call("c1".into(), "clock");
    run.attach_to_call(&call, "three");
    let call = run.end_call(call);
    run.defer_to_client(call);

    assert_snapshot!(checked_outline(run.finish()), @r#"
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
fn run_error_closes_and_answers_open_items_first() {
    let mut run = begin_run();
    run.start_turn();
    let call = run.tool_call("c1".into(), "clock");
    run.tool_args(&call, "{\"zo");
    run.text("Let me");

    assert_snapshot!(checked_outline(run.fail(RunError { code: "MODEL_THROTTLED", message: "Busy." })), @r#"
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
fn cancelled_run_answers_open_calls() {
    let mut run = begin_run();
    run.start_turn();
    let open = run.tool_call("c1".into(), "clock");
    let left = run.tool_call("c2".into(), "paint");
    let left = run.end_call(left);
    run.defer_to_client(left);
    drop(open);

    assert_snapshot!(checked_outline(run.cancel(cancelled("MAX_TURNS"))), @r#"
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

#[test]
fn reused_call_id_is_replaced() {
    let mut run = begin_run();
    run.reserve_call_id("c1".into());
    let first = run.tool_call("c1".into(), "clock");
    let second = run.tool_call("c2".into(), "clock");
    let third = run.tool_call("c2".into(), "clock");

    assert_eq!([first.id(), second.id(), third.id()].map(|id| id.as_str()), ["renamed1", "c2", "renamed2"]);
    checked_outline(run.cancel(cancelled("STOPPED")));
}

#[test]
fn usage_is_summed_by_provider_and_model() {
    let used = |model: &str, input, output| TokenUsage {
        provider: Some("p".into()),
        model: Some(model.into()),
        input_tokens: Some(input),
        output_tokens: Some(output),
        ..TokenUsage::default()
    };
    let mut run = begin_run();
    run.add_usage(&used("a", 10, 1));
    run.add_usage(&used("b", 5, 5));
    run.add_usage(&used("a", 20, 2));

    assert_eq!(run.total_tokens(), 43);
    assert_snapshot!(checked_outline(run.finish()), @r#"
    RUN_STARTED
    RUN_FINISHED success [{"inputTokens":30,"model":"a","outputTokens":3,"provider":"p"},{"inputTokens":5,"model":"b","outputTokens":5,"provider":"p"}]
    "#);
}

#[test]
fn legacy_client_gets_a_known_ending() {
    let run = || {
        let mut run = begin_run().for_client_before_1_0();
        let call = run.tool_call("c1".into(), "paint");
        let call = run.end_call(call);
        run.defer_to_client(call);
        run
    };

    let finished = values(run().finish());
    assert_eq!(finished.last().unwrap()["outcome"], serde_json::json!({"type": "success"}));
    let cancelled = values(run().cancel(cancelled("MAX_TURNS")));
    assert_snapshot!(outline(&cancelled).lines().last().unwrap(), @"RUN_ERROR MAX_TURNS");
}

#[test]
fn legacy_client_gets_multipart_results_as_text() {
    let parts = || {
        let text = |text: &str| ContentPart::from(PartKind::Text { text: text.into() });
        let image = ContentPart::from(PartKind::Image { source: Source::bytes([1, 2, 3], "image/png") });
        Content::Parts(vec![text("One."), image, text("Two.")])
    };
    let content = |mut run: Transcript<SequentialIds>| {
        let call = run.tool_call("c1".into(), "chart");
        let call = run.end_call(call);
        run.tool_result(call, parts());
        values(run.finish()).into_iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap()["content"]
            .take()
    };

    assert_eq!(content(begin_run().for_client_before_1_0()), "One.\nTwo.");
    assert_eq!(
        content(begin_run()),
        json!([
            {"type": "text", "text": "One."},
            {"type": "image", "source": {"type": "data", "value": "AQID", "mimeType": "image/png"}},
            {"type": "text", "text": "Two."},
        ])
    );
}
