//! Compatibility with clients before 1.0: the agent can send them the older event shapes, even if their input says 1.0, and
//! can leave out `expiresAt`.

use std::time::Duration;

use ag_ui_lambda::Parts;
use ag_ui_lambda::agent::{Agent, ClientCompat, Limits, RunRequest};
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::protocol::{RunAgentInput, Source, TokenUsage};
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use futures_util::StreamExt as _;
use serde_json::json;

use crate::support::scenario::{Caller, Scenario, scenario};

/// Prepares a run that sends the shapes from before 1.0 although its input says 1.0. The events are checked by the older rules.
fn legacy(turns: impl IntoIterator<Item = Script>) -> Scenario {
    let scenario = scenario(turns).with_agent(|agent| {
        agent
            .tool(tool_fn("look", "Looks.", async |_: ToolContext<Caller>, _: NoArgs| Ok("seen")))
            .tool(tool_fn("chart", "Returns parts.", chart))
            .client_compat(ClientCompat::Legacy)
    });
    let scenario = scenario.for_legacy_client();
    assert_eq!(scenario.input["protocolVersion"], "1.0");
    scenario
}

/// A tool that returns a text and an image.
async fn chart(_: ToolContext<Caller>, _: NoArgs) -> Result<Parts, ToolError> {
    Ok(Parts::new().text("Sales rose.").image(Source::bytes(b"PNG", "image/png")))
}

#[tokio::test(start_paused = true)]
async fn limits_end_legacy_runs_with_run_error() {
    let again = || Script::new().call("c1", "look", &json!({}));
    let forever = || Script::new().text("Let me").wait_for(std::future::pending());
    let many = (0..3).fold(Script::new(), |script, n| script.call(&format!("c{n}"), "look", &json!({})));
    let endless = Script::new().call("c1", "look", &json!({ "text": "x".repeat(1024 * 1024) }));
    let used = TokenUsage { total_tokens: Some(1000), ..TokenUsage::default() };
    let limits = Limits { turns: 3, tool_calls: 2, ..Limits::default() };
    let budget = Limits { tokens: Some(1000), ..limits };
    for (turns, limits, deadline, reason) in [
        (vec![again(), again(), again(), again()], limits, None, "MAX_TURNS"),
        (vec![many], limits, None, "MAX_TOOL_CALLS"),
        (vec![endless], limits, None, "MAX_ARGUMENT_BYTES"),
        (vec![Script::new().text("x".repeat(8 * 1024 * 1024 + 1))], limits, None, "MAX_RESPONSE_BYTES"),
        (vec![forever()], limits, None, "RUN_TIMEOUT"),
        (vec![forever()], limits, Some(Duration::from_secs(10)), "DEADLINE"),
        (vec![again().usage(used), again()], budget, None, "TOKEN_BUDGET"),
    ] {
        let scenario = legacy(turns).with_agent(|agent| agent.limits(limits));
        let scenario = match deadline {
            Some(deadline) => scenario.deadline_in(deadline),
            None => scenario,
        };

        let events = scenario.run().await.events;

        let last = events.last().unwrap();
        assert_eq!((&last["type"], &last["code"]), (&json!("RUN_ERROR"), &json!(reason)));
        let sentence = last["message"].as_str().unwrap();
        assert!(sentence.contains("Please ask for a smaller part"), "{reason}: {sentence}");
    }
}

#[tokio::test]
async fn cancellation_ends_legacy_runs_with_run_error() {
    let model = Scripted::turns([Script::new().text("Let me").wait_for(std::future::pending())]);
    let agent: Agent<()> = Agent::builder(model).client_compat(ClientCompat::Legacy).build().unwrap();
    let input = json!({"threadId": "t", "runId": "r", "protocolVersion": "1.0",
        "messages": [{"id": "u1", "role": "user", "content": "Hello"}]});
    let mut run = agent.run(RunRequest::new((), RunAgentInput::read(input).unwrap().input)).await.unwrap();
    let handle = run.cancel_handle();
    let mut events = Vec::new();

    while let Some(event) = run.next().await {
        events.push(json!(event));
        handle.cancel();
    }

    assert_eq!(events.last().unwrap()["code"], "STOPPED");
}

#[tokio::test]
async fn sends_multipart_results_as_text() {
    let run = legacy([Script::new().call("c1", "chart", &json!({})), Script::new()]);

    let events = run.run().await.events;

    let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert_eq!(result["content"], "Sales rose.");
}

#[tokio::test]
async fn omits_pending_calls_from_run_finished() {
    let paint = json!([{"name": "paint", "description": "Paints."}]);
    let run = legacy([Script::new().call("c1", "paint", &json!({}))]).input("tools", paint);

    let events = run.run().await.events;

    assert_eq!(events.last().unwrap()["outcome"], json!({"type": "success"}));
}

#[tokio::test]
async fn sends_interrupt_expiry_only_if_configured() {
    use crate::support::function::{Reply, TOKEN, local_function, url_event, user_input};

    let mut event = url_event(&[("x-agui-token", TOKEN)], &user_input("refund order 1234 for 20"));
    event["requestContext"]["authorizer"] =
        json!({"lambda": {"principalId": "ada", "permissions": "refunds:write"}});
    for (value, is_sent) in [("", false), ("0", false), ("1", true)] {
        let key = ("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef");
        let function = local_function(&[key, ("AGUI_SEND_EXPIRES_AT", value)]).await;

        let reply = Reply::send(&function, &event).await;

        let interrupt = &reply.events.last().unwrap()["outcome"]["interrupts"][0];
        assert_eq!(interrupt["reason"], "tool_call", "{}", reply.text);
        assert_eq!(interrupt["expiresAt"].is_string(), is_sent, "{value}");
    }
}
