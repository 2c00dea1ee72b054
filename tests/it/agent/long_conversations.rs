//! Conversations that are too long for the model or for a limit: what the model reads of them, and what the client receives.

use ag_ui_lambda::agent::Limits;
use ag_ui_lambda::model::{ModelErrorKind, Request, Script, Scripted, Turn};
use ag_ui_lambda::protocol::TokenUsage;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::scenario::{Caller, RunResult, scenario};

/// The name of the event that says that a part of the conversation was left out.
const COMPACTED: &str = "ag_ui_lambda.compacted";

/// Returns the messages of a thread with this number of answered questions and one new question. A question and its answer have
/// 1,000 bytes each.
fn thread(answered: usize) -> Value {
    let exchange = |number: usize| {
        let text = |role: &str| format!("{role} {number} {}", "x".repeat(1000));
        [
            json!({"id": format!("u{number}"), "role": "user", "content": text("question")}),
            json!({"id": format!("a{number}"), "role": "assistant", "content": text("answer")}),
        ]
    };
    let last = json!({"id": "last", "role": "user", "content": "And now?"});
    (0..answered).flat_map(exchange).chain([last]).collect()
}

/// Returns a limit of bytes for each request.
fn bytes(input_bytes: usize) -> Limits {
    Limits { input_bytes, ..Limits::default() }
}

/// Returns a limit of tokens for the run.
fn tokens(tokens: u64) -> Limits {
    Limits { tokens: Some(tokens), ..Limits::default() }
}

/// Returns the values of the events about compaction.
fn announced(run: &RunResult) -> Vec<Value> {
    let is_about = |event: &&Value| event["name"] == COMPACTED;
    run.events.iter().filter(is_about).map(|event| event["value"].clone()).collect()
}

/// Returns why a run was cancelled.
fn reason(run: &RunResult) -> &str {
    run.events.last().unwrap()["metadata"]["ag_ui_lambda"]["reason"].as_str().unwrap_or("none")
}

/// Returns the texts of the first and the last turn of a request; both are the user's.
fn ends(request: &Request) -> [String; 2] {
    let text = |turn: Option<&Turn>| match turn {
        Some(Turn::User(parts)) => format!("{parts:?}"),
        turn => panic!("{turn:?} is not the user's"),
    };
    [text(request.history.first()), text(request.history.last())]
}

#[tokio::test]
async fn oldest_turns_are_left_out_above_the_limit_of_bytes() {
    let run = scenario([Script::new().text("Fine.")])
        .with_agent(|agent| agent.limits(bytes(20_000)).emit_messages_snapshot(true))
        .input("messages", thread(40))
        .run()
        .await;

    let [first, last] = ends(&run.requests[0]);
    assert!(first.contains("Earlier messages of this conversation were left out here"), "{first}");
    assert!(last.contains("And now?"), "{last}");
    assert_eq!(
        announced(&run),
        [json!({"reason": "MAX_INPUT_BYTES", "turns_left_out": 33, "turns_kept": 8})]
    );
    let kinds: Vec<&str> = run.events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["RUN_STARTED", "CUSTOM", "TEXT_MESSAGE_START"]);
    let snapshot = run.events.iter().find(|event| event["type"] == "MESSAGES_SNAPSHOT").unwrap();
    assert_eq!(snapshot["messages"].as_array().unwrap().len(), 82, "the client keeps its messages");
}

#[tokio::test]
async fn single_message_above_the_limit_is_not_sent() {
    let message = json!([{"id": "u1", "role": "user", "content": "x".repeat(2000)}]);
    for messages in [message, thread(3)] {
        let run = scenario([])
            .with_agent(|agent| agent.limits(bytes(50)))
            .input("messages", messages.clone())
            .run()
            .await;
        assert!(run.requests.is_empty());
        assert_eq!(run.outline(), "RUN_STARTED\nRUN_FINISHED cancelled \"MAX_INPUT_BYTES\"");

        let mut old = scenario([]).with_agent(|agent| agent.limits(bytes(50))).input("messages", messages);
        old.input.as_object_mut().unwrap().remove("protocolVersion");
        let run = old.for_legacy_client().run().await;
        let last = run.events.last().unwrap();
        assert_eq!(last["code"], "MAX_INPUT_BYTES");
        assert!(last["message"].as_str().unwrap().contains("start a new conversation"), "{last}");
    }
}

#[tokio::test]
async fn model_that_refuses_the_length_is_asked_with_half() {
    let refused = || Script::new().fail(ModelErrorKind::ContextTooLong);
    let run = scenario([refused(), refused(), Script::new().text("Fine.")])
        .input("messages", thread(40))
        .run()
        .await;

    let turns: Vec<usize> = run.requests.iter().map(|request| request.history.len()).collect();
    assert!(turns[0] == 81 && turns[1] < 43 && turns[2] < 23 && turns[2] > 5, "{turns:?}");
    assert!(ends(&run.requests[2])[1].contains("And now?"));
    let [compacted] = announced(&run).try_into().unwrap();
    assert_eq!(compacted["reason"], "CONTEXT_TOO_LONG");
    assert_eq!(compacted["turns_kept"], turns[2].div_ceil(2), "it is announced once, when the model answers");
    assert!(run.outline().ends_with("RUN_FINISHED success"), "{}", run.outline());
}

#[tokio::test]
async fn newest_turn_that_is_too_long_for_the_model_ends_the_run() {
    let refused = || Script::new().fail(ModelErrorKind::ContextTooLong);
    for (messages, asked) in [(thread(0), 1), (thread(1), 2), (thread(1000), 9)] {
        let run = scenario((0..99).map(|_| refused())).input("messages", messages).run().await;

        assert!(run.outline().ends_with("RUN_ERROR CONTEXT_TOO_LONG"), "{}", run.outline());
        assert_eq!(run.requests.len(), asked);
        assert!(announced(&run).is_empty(), "no model has read it");
    }
}

#[tokio::test]
async fn model_with_a_larger_context_reads_everything() {
    let second = Scripted::turns([Script::new().text("Here.")]).with_name("scripted/second");
    let run = scenario([Script::new().fail(ModelErrorKind::ContextTooLong)])
        .with_agent(|agent| agent.fallback(second))
        .input("messages", thread(40))
        .run()
        .await;

    assert!(run.outline().contains("Here."), "{}", run.outline());
    assert!(announced(&run).is_empty());
}

#[tokio::test(start_paused = true)]
async fn busy_second_model_does_not_delay_the_shorter_request() {
    let began = tokio::time::Instant::now();
    let second =
        Scripted::new(|_| Script::new().fail(ModelErrorKind::Throttled)).with_name("scripted/second");
    let run = scenario([Script::new().fail(ModelErrorKind::ContextTooLong), Script::new().text("Fine.")])
        .with_agent(|agent| agent.fallback(second))
        .input("messages", thread(40))
        .run()
        .await;

    assert!(run.outline().contains("Fine."), "{}", run.outline());
    assert_eq!(announced(&run).len(), 1);
    assert_eq!(began.elapsed(), std::time::Duration::ZERO);
}

/// A tool without arguments.
async fn ring_bell(_: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("rang")
}

#[tokio::test]
async fn what_is_left_out_stays_out_for_the_rest_of_the_run() {
    let ring = Script::new().call("c1", "ring", &json!({}));
    let run =
        scenario([Script::new().fail(ModelErrorKind::ContextTooLong), ring, Script::new().text("Rang.")])
            .with_agent(|agent| agent.tool(tool_fn("ring", "Rings.", ring_bell)))
            .input("messages", thread(40))
            .run()
            .await;

    let turns: Vec<usize> = run.requests.iter().map(|request| request.history.len()).collect();
    assert_eq!(turns[2], turns[1] + 2, "the call and its result were added: {turns:?}");
    assert_eq!(announced(&run).len(), 1);
}

#[tokio::test]
async fn input_must_fit_into_the_tokens_of_the_run() {
    // A thousand bytes are 250 tokens.
    let run = scenario([Script::new().text("Fine.")])
        .with_agent(|agent| agent.limits(tokens(4000)))
        .input("messages", thread(10))
        .run()
        .await;
    assert_eq!(announced(&run)[0]["reason"], "TOKEN_BUDGET");
    assert!(run.outline().ends_with("RUN_FINISHED success"), "{}", run.outline());

    let long = json!([{"id": "u1", "role": "user", "content": "x".repeat(20_000)}]);
    let run = scenario([]).with_agent(|agent| agent.limits(tokens(4000))).input("messages", long).run().await;
    assert!(run.requests.is_empty());
    assert_eq!(reason(&run), "TOKEN_BUDGET");
}

#[tokio::test]
async fn turns_of_a_run_read_the_same_history_while_its_tokens_are_used() {
    let ring = |id: &str| Script::new().call(id, "ring", &json!({}));
    let run = scenario([ring("c1"), ring("c2"), ring("c3"), Script::new().text("Rang.")])
        .with_agent(|agent| agent.limits(tokens(8000)).tool(tool_fn("ring", "Rings.", ring_bell)))
        .input("messages", thread(10))
        .run()
        .await;

    assert!(run.outline().ends_with("RUN_FINISHED success"), "{}", run.outline());
    let [compacted] = announced(&run).try_into().unwrap();
    assert_eq!(compacted["reason"], "TOKEN_BUDGET");
    let turns: Vec<usize> = run.requests.iter().map(|request| request.history.len()).collect();
    assert!(turns[0] < 21, "{turns:?}");
    assert_eq!(turns, [0, 2, 4, 6].map(|added| turns[0] + added));
}

#[tokio::test]
async fn tokens_of_the_run_end_a_turn_that_streams() {
    let input = |tokens| TokenUsage { input_tokens: Some(tokens), ..TokenUsage::default() };
    let piece = "x".repeat(400);
    let text = |script: Script| (0..99).fold(script, |script, _| script.text(&piece));
    // A piece has 100 tokens.
    let run = scenario([text(Script::new())]).with_agent(|agent| agent.limits(tokens(1000))).run().await;
    assert_snapshot!(run.outline().lines().rev().take(2).collect::<Vec<_>>().join("\n"), @r#"
    RUN_FINISHED cancelled "TOKEN_BUDGET"
    TEXT_MESSAGE_END m1
    "#);
    let pieces = |run: &RunResult| run.events.iter().filter(|event| event["delta"] == piece.as_str()).count();
    assert_eq!(pieces(&run), 10, "the question has tokens, too");

    let run = scenario([text(Script::new().usage(input(800)))])
        .with_agent(|agent| agent.limits(tokens(1000)))
        .run()
        .await;
    assert_eq!(pieces(&run), 3, "what the provider reports counts");

    let long = format!("{{\"text\":\"{}", "x".repeat(4000));
    let call = Script::new().call_in_pieces("c1", "ring", &[&long, "\"}"]).text("Never.");
    let run = scenario([call])
        .with_agent(|agent| agent.limits(tokens(1000)).tool(tool_fn("ring", "Rings.", ring_bell)))
        .run()
        .await;
    let kinds: Vec<&str> = run.events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(kinds.ends_with(&["TOOL_CALL_END", "TOOL_CALL_RESULT", "RUN_FINISHED"]), "{kinds:?}");
    assert_eq!(reason(&run), "TOKEN_BUDGET");
}

#[tokio::test]
async fn complete_answer_counts_as_the_provider_reports_it() {
    let used = TokenUsage { input_tokens: Some(10), output_tokens: Some(50), ..TokenUsage::default() };
    let ring = |text: &str| Script::new().text(text).call("c1", "ring", &json!({})).usage(used.clone());
    let turns = (0..3).map(|_| ring(&"x".repeat(1200))).chain([Script::new().text("Rang.")]);
    let run = scenario(turns)
        .with_agent(|agent| agent.limits(tokens(1200)).tool(tool_fn("ring", "Rings.", ring_bell)))
        .run()
        .await;

    assert_eq!(reason(&run), "none", "{}", run.outline());
}
