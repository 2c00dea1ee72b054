//! Turns of the model: retries and fallbacks, truncated turns, and the content that a model cannot read.

use std::time::Duration;

use ag_ui_lambda::agent::Limits;
use ag_ui_lambda::model::{
    CallSignature, Delta, ModelError, ModelErrorKind, ModelSettings, Reasoning, ReasoningKind, RejectedPart,
    Script, Scripted, StopReason, ToolChoice, Turn,
};
use ag_ui_lambda::protocol::TokenUsage;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::scenario::{Caller, Scenario, scenario};

/// A tool without arguments.
async fn ring_bell(_: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("rang")
}

/// Prepares a run with the tool `ring`.
fn with_bell(turns: impl IntoIterator<Item = Script>) -> Scenario {
    scenario(turns).with_agent(|agent| agent.tool(tool_fn("ring", "Rings.", ring_bell)))
}

/// Returns an error of a provider that asks for a pause.
fn throttled(after: Duration) -> ModelError {
    ModelError::from(ModelErrorKind::Throttled).retry_after(after)
}

#[tokio::test]
async fn returns_provider_state_to_client_and_next_turn() {
    let signature = |text: &str| Delta::ReasoningSignature(text.into());
    let first = Script::new()
        .reasoning("Hm.")
        .delta(signature("s1"))
        .delta(Delta::RedactedReasoning("dark".into()))
        .reasoning("Aha.")
        .text("Ringing.")
        .delta(Delta::ToolCall { call: 0, id: "c1".into(), name: "ring".into() })
        .delta(Delta::ToolCallSignature { call: 0, signature: "s2".into() })
        .delta(Delta::ToolCallEnd { call: 0 });
    let run = with_bell([first, Script::new().text("Done.")]).run().await;

    assert_snapshot!(run.outline(), @r#"
    RUN_STARTED
    REASONING_START m1
    REASONING_MESSAGE_START m1
    REASONING_MESSAGE_CONTENT m1 "Hm."
    REASONING_MESSAGE_END m1
    REASONING_ENCRYPTED_VALUE message m1 {"model":"scripted/test","signature":"s1"}
    REASONING_END m1
    REASONING_START m2
    REASONING_MESSAGE_START m2
    REASONING_MESSAGE_END m2
    REASONING_ENCRYPTED_VALUE message m2 {"model":"scripted/test","redacted":"dark"}
    REASONING_END m2
    REASONING_START m3
    REASONING_MESSAGE_START m3
    REASONING_MESSAGE_CONTENT m3 "Aha."
    REASONING_MESSAGE_END m3
    REASONING_END m3
    TEXT_MESSAGE_START m4
    TEXT_MESSAGE_CONTENT m4 "Ringing."
    TEXT_MESSAGE_END m4
    TOOL_CALL_START c1 ring in m4
    REASONING_ENCRYPTED_VALUE tool-call c1 {"model":"scripted/test","signature":"s2"}
    TOOL_CALL_ARGS c1 {}
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m5 "rang"
    TEXT_MESSAGE_START m6
    TEXT_MESSAGE_CONTENT m6 "Done."
    TEXT_MESSAGE_END m6
    RUN_FINISHED success
    "#);
    let Turn::Assistant { reasoning, calls, .. } = &run.requests[1].history[1] else { panic!("it spoke") };
    let model = || "scripted/test".to_owned();
    assert_eq!(
        *reasoning,
        [
            Reasoning { model: model(), text: "Hm.".into(), kind: ReasoningKind::Signed("s1".into()) },
            Reasoning { model: model(), text: String::new(), kind: ReasoningKind::Redacted("dark".into()) },
            Reasoning { model: model(), text: "Aha.".into(), kind: ReasoningKind::Plain },
        ]
    );
    assert_eq!(calls[0].signature, Some(CallSignature { model: model(), value: "s2".into() }));
}

#[tokio::test(start_paused = true)]
async fn retries_before_the_first_delta_are_invisible() {
    let began = tokio::time::Instant::now();
    let run = scenario([
        Script::new().fail(ModelErrorKind::Unavailable),
        Script::new().fail(throttled(Duration::from_secs(5))),
        Script::new().text("Here."),
    ])
    .run()
    .await;

    assert_eq!(run.requests.len(), 3);
    assert!(began.elapsed() >= Duration::from_secs(5), "Retry-After is respected");
    assert_snapshot!(run.outline(), @r#"
    RUN_STARTED
    TEXT_MESSAGE_START m1
    TEXT_MESSAGE_CONTENT m1 "Here."
    TEXT_MESSAGE_END m1
    RUN_FINISHED success
    "#);
}

#[tokio::test(start_paused = true)]
async fn retries_only_retryable_failures() {
    let fails = |kind: ModelErrorKind| move || Script::new().fail(kind);
    let soon = || Script::new().fail(throttled(Duration::from_secs(1)));
    let late = || Script::new().fail(throttled(Duration::from_secs(60)));
    let half = || Script::new().text("Half").fail(ModelErrorKind::Unavailable);
    let cases: [(&str, &dyn Fn() -> Script, usize, &str); 6] = [
        ("it stays down", &fails(ModelErrorKind::Unavailable), 3, "MODEL_UNAVAILABLE"),
        ("it stays throttled", &soon, 3, "MODEL_THROTTLED"),
        ("it wants to be left alone for longer than anyone waits", &late, 1, "MODEL_THROTTLED"),
        ("its key is wrong", &fails(ModelErrorKind::Misconfigured), 1, "MODEL_MISCONFIGURED"),
        ("the request is wrong", &fails(ModelErrorKind::Refused), 1, "MODEL_REFUSED"),
        ("the client has seen a delta", &half, 1, "MODEL_UNAVAILABLE"),
    ];
    for (why, script, asked, code) in cases {
        let run = scenario((0..9).map(|_| script())).run().await;

        assert_eq!(run.requests.len(), asked, "{why}");
        assert!(run.outline().ends_with(&format!("RUN_ERROR {code}")), "{why}: {}", run.outline());
    }
}

#[tokio::test(start_paused = true)]
async fn fails_at_once_if_backoff_exceeds_the_deadline() {
    let began = tokio::time::Instant::now();
    let run = scenario([Script::new().fail(throttled(Duration::from_secs(9)))])
        .deadline_in(Duration::from_secs(10))
        .run()
        .await;

    assert!(run.outline().ends_with("RUN_ERROR MODEL_THROTTLED"), "{}", run.outline());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn falls_back_without_a_pause() {
    let used = TokenUsage { model: Some("second".into()), input_tokens: Some(1), ..TokenUsage::default() };
    for kind in [ModelErrorKind::Throttled, ModelErrorKind::Misconfigured, ModelErrorKind::ContextTooLong] {
        let began = tokio::time::Instant::now();
        let second =
            Scripted::turns([Script::new().text("Here.").usage(used.clone())]).with_name("scripted/second");
        let run = scenario([Script::new().fail(kind)]).with_agent(|agent| agent.fallback(second)).run().await;

        assert!(run.outline().contains(r#"TEXT_MESSAGE_CONTENT m1 "Here.""#), "{}", run.outline());
        assert_eq!(run.events.last().unwrap()["usage"], json!([{"model": "second", "inputTokens": 1}]));
        assert_eq!(began.elapsed(), Duration::ZERO, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn reports_the_last_failure_when_all_models_fail() {
    let second = Scripted::new(|_| Script::new().fail(ModelErrorKind::Unavailable));
    let run = scenario((0..9).map(|_| Script::new().fail(ModelErrorKind::Throttled)))
        .with_agent(|agent| agent.fallback(second))
        .run()
        .await;

    assert_eq!(run.requests.len(), 3);
    assert!(run.outline().ends_with("RUN_ERROR MODEL_UNAVAILABLE"), "{}", run.outline());
}

#[tokio::test]
async fn run_error_reports_tokens_used_before_the_failure() {
    let used = TokenUsage { input_tokens: Some(7), ..TokenUsage::default() };
    let first = Script::new().call("c1", "ring", &json!({})).usage(used.clone());
    let second = Script::new().text("Now").usage(used).fail(ModelErrorKind::StreamCut);
    let run = with_bell([first, second]).run().await;

    let last = run.events.last().unwrap();
    assert_eq!((&last["type"], &last["usage"]), (&json!("RUN_ERROR"), &json!([{"inputTokens": 14}])));
}

#[tokio::test]
async fn does_not_run_incomplete_calls_of_a_truncated_turn() {
    let cut = || {
        Script::new()
            .text("Ringing.")
            .call("c1", "ring", &json!({}))
            .delta(Delta::ToolCall { call: 7, id: "c2".into(), name: "ring".into() })
            .delta(Delta::End(StopReason::MaxTokens))
    };
    let run = with_bell([cut(), Script::new().text("Again.")]).run().await;

    assert_snapshot!(run.outline(), @r#"
    RUN_STARTED
    TEXT_MESSAGE_START m1
    TEXT_MESSAGE_CONTENT m1 "Ringing."
    TEXT_MESSAGE_END m1
    TOOL_CALL_START c1 ring in m1
    TOOL_CALL_ARGS c1 {
    TOOL_CALL_ARGS c1 }
    TOOL_CALL_END c1
    TOOL_CALL_START c2 ring in m1
    TOOL_CALL_ARGS c2 {}
    TOOL_CALL_END c2
    TOOL_CALL_RESULT c1 m2 "rang"
    TOOL_CALL_RESULT c2 m3 "{\"error\":\"The arguments were cut off before their end.\"}"
    TEXT_MESSAGE_START m4
    TEXT_MESSAGE_CONTENT m4 "Again."
    TEXT_MESSAGE_END m4
    RUN_FINISHED success
    "#);

    let tools = json!([{"name": "paint", "description": "Paints."}]);
    let frontend = Script::new()
        .delta(Delta::ToolCall { call: 0, id: "c1".into(), name: "paint".into() })
        .delta(Delta::End(StopReason::MaxTokens));
    let run = scenario([frontend]).input("tools", tools).run().await;
    assert!(run.outline().contains("cut off"), "a client would run it: {}", run.outline());
}

#[tokio::test]
async fn checks_arguments_of_calls_ended_in_a_truncated_turn() {
    for reason in [StopReason::MaxTokens, StopReason::Filtered] {
        for (arguments, is_made) in [("{}", true), ("{\"lo", false), ("", false)] {
            let cut = Script::new()
                .text("Ringing.")
                .call_in_pieces("c1", "ring", &[arguments])
                .delta(Delta::End(reason));
            let run = with_bell([cut, Script::new().text("Again.")]).run().await;

            assert_eq!(run.outline().contains("rang"), is_made, "{reason:?} {arguments}: {}", run.outline());
        }
    }
}

#[tokio::test]
async fn tool_choice_none_runs_no_tool() {
    let settings = ModelSettings { tool_choice: ToolChoice::None, ..ModelSettings::default() };
    let calls = || Script::new().call("c1", "ring", &json!({})).call("c2", "paint", &json!({}));
    let run = with_bell([calls(), Script::new().text("Sorry.")])
        .with_agent(|agent| agent.settings(settings))
        .input("tools", json!([{"name": "paint", "description": "Paints."}]))
        .run()
        .await;

    assert_eq!(run.outline().matches("No tool may be called.").count(), 2, "{}", run.outline());
    assert_eq!(run.requests[1].settings.tool_choice, ToolChoice::None);
}

#[tokio::test]
async fn truncated_turn_fails_only_without_text() {
    for reason in [StopReason::Filtered, StopReason::MaxTokens] {
        let cut = |script: Script| script.delta(Delta::End(reason));

        let run = scenario([cut(Script::new().reasoning("Hm."))]).run().await;
        assert!(run.outline().ends_with("RUN_ERROR MODEL_REFUSED"), "{}", run.outline());

        let run = scenario([cut(Script::new().text("I can't say."))]).run().await;
        assert!(run.outline().ends_with("RUN_FINISHED success"), "{}", run.outline());
    }
}

#[tokio::test]
async fn cancels_the_run_on_endless_arguments() {
    let piece = "x".repeat(64 * 1024);
    let endless = (0..20).fold(
        Script::new().delta(Delta::ToolCall { call: 0, id: "c1".into(), name: "ring".into() }),
        |script, _| script.delta(Delta::ToolArgs { call: 0, json: piece.clone() }),
    );
    let run = with_bell([endless]).run().await;

    let last = run.events.last().unwrap();
    assert_eq!(last["metadata"], json!({"ag_ui_lambda": {"reason": "MAX_ARGUMENT_BYTES"}}));
    let sent = run.events.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS").count();
    assert_eq!(sent, 16, "a mebibyte and no more");
}

#[tokio::test]
async fn stops_a_model_that_repeats_a_broken_call() {
    let broken = || Script::new().call_in_pieces("c1", "ring", &["{\"loud\":"]);
    let limits = Limits { turns: 4, ..Limits::default() };
    let run = with_bell((0..9).map(|_| broken())).with_agent(|agent| agent.limits(limits)).run().await;

    let last = run.events.last().unwrap();
    assert_eq!(last["metadata"], json!({"ag_ui_lambda": {"reason": "MAX_TURNS"}}));
    assert_eq!(run.outline().matches("not valid JSON").count(), 4);
}

#[tokio::test]
async fn forces_a_tool_call_only_once() {
    let settings = ModelSettings { tool_choice: ToolChoice::Required, ..ModelSettings::default() };
    let run = with_bell([Script::new().call("c1", "ring", &json!({})), Script::new().text("Rang.")])
        .with_agent(|agent| agent.settings(settings))
        .run()
        .await;

    let choices: Vec<_> = run.requests.iter().map(|request| request.settings.tool_choice.clone()).collect();
    assert_eq!(choices, [ToolChoice::Required, ToolChoice::Auto]);
}

#[tokio::test]
async fn replaces_lone_surrogates_in_arguments() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct City {
        city: String,
    }
    async fn echo(_: ToolContext<Caller>, City { city }: City) -> Result<String, ToolError> {
        Ok(city)
    }
    for (pieces, sent, result) in [
        (vec![r#"{"city":"Paris \ud83d"}"#], r#"{"city":"Paris \ufffd"}"#, "Paris \u{fffd}"),
        (vec![r#"{"city":"\ud83d"#, r#"\ude00"}"#], r#"{"city":"\ud83d\ude00"}"#, "😀"),
        (vec![r#"{"city":"\ud8"#, r#"3d\u"#, r#"00e9"}"#], r#"{"city":"\ufffd\u00e9"}"#, "\u{fffd}é"),
    ] {
        let mut first =
            Script::new().delta(Delta::ToolCall { call: 0, id: "c1".into(), name: "echo".into() });
        for json in pieces {
            first = first.delta(Delta::ToolArgs { call: 0, json: json.into() });
        }
        let run = scenario([first, Script::new().text("Done.")])
            .with_agent(|agent| agent.tool(tool_fn("echo", "Echoes.", echo)))
            .run()
            .await;
        let outline = run.outline();
        assert!(outline.contains(&format!("TOOL_CALL_RESULT c1 m2 \"{result}\"")), "{outline}");
        let deltas = run.events.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS");
        assert_eq!(deltas.filter_map(|event| event["delta"].as_str()).collect::<String>(), sent);
    }
}

#[tokio::test]
async fn drops_unsupported_content_and_continues_the_thread() {
    let rejects =
        |rejected| Script::new().fail(ModelError::from(ModelErrorKind::Refused).with_rejected_part(rejected));
    let picture = json!([{"id": "u1", "role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "data", "value": "QUJD", "mimeType": "image/png"}},
    ]}]);
    let media = || rejects(RejectedPart::Media);

    let run =
        with_bell([media(), Script::new().text("No idea.")]).input("messages", picture.clone()).run().await;
    assert!(run.outline().ends_with("RUN_FINISHED success"), "{}", run.outline());
    let asked = format!("{:?}", run.requests[1].history);
    assert!(asked.contains("What is this?") && asked.contains("can't read it"), "{asked}");
    assert!(!asked.contains("QUJD"), "{asked}");

    let run = with_bell([media(), media()]).input("messages", picture).run().await;
    assert!(run.outline().contains("RUN_ERROR MODEL_REFUSED"), "{}", run.outline());
    assert_eq!(run.requests.len(), 2, "it is asked once more and not for ever");

    let run = with_bell([media()]).run().await;
    assert_eq!(run.requests.len(), 1, "there is nothing to leave out");

    let run =
        with_bell([rejects(RejectedPart::Tool("ring".into())), Script::new().text("No bell.")]).run().await;
    assert!(run.outline().ends_with("RUN_FINISHED success"), "{}", run.outline());
    assert_eq!((run.requests[0].tools.len(), run.requests[1].tools.len()), (1, 0));

    let run = with_bell([rejects(RejectedPart::UnnamedTool)]).run().await;
    assert!(run.outline().contains("RUN_ERROR MODEL_REFUSED"), "{}", run.outline());
    assert_eq!(run.requests.len(), 1);
}
