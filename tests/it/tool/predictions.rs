//! State that an agent predicts from the arguments of a call while they stream.

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::tool::{ToolContext, ToolError, tool_fn};
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::scenario::{Caller, Scenario, scenario};

#[derive(Deserialize, JsonSchema)]
struct Document {
    /// The text.
    text: String,
}

/// A tool that writes the document into the shared state.
async fn write(context: ToolContext<Caller>, args: Document) -> Result<&'static str, ToolError> {
    context.state().set("/document", args.text).await?;
    Ok("written")
}

/// Returns the list with one frontend tool.
fn paint() -> Value {
    json!([{"name": "paint", "description": "Paints.", "parameters": {"type": "object"}}])
}

/// Prepares a run whose model writes a document, with an agent that predicts the state from it.
fn document_scenario(emits_predict_state: bool) -> Scenario {
    let write_once = Script::new().call_in_pieces("c1", "write", &[r#"{"text":"On"#, r#"ce"#, r#""}"#]);
    scenario([write_once, Script::new()])
        .with_agent(|agent| {
            agent
                .tool(tool_fn("write", "Writes.", write))
                .tool(tool_fn("hidden", "Is hidden.", write).available_if(|_| false))
                .predict_state("document", "write", "text")
                .predict_state("background", "paint", "colour")
                .predict_state("secret", "hidden", "text")
                .emit_predict_state(emits_predict_state)
        })
        .input("tools", paint())
        .input("state", json!({"document": "old"}))
}

#[tokio::test]
async fn predicted_state_follows_the_streamed_argument() {
    assert_snapshot!(document_scenario(false).run().await.outline(), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 write in m1
    TOOL_CALL_ARGS c1 {"text":"On
    STATE_SNAPSHOT {"document":"On"}
    TOOL_CALL_ARGS c1 ce
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once"}]
    TOOL_CALL_ARGS c1 "}
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m2 "written"
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn predict_state_event_lists_only_available_tools() {
    assert_snapshot!(document_scenario(true).run().await.outline(), @r#"
    RUN_STARTED
    CUSTOM PredictState [{"state_key":"document","tool":"write","tool_argument":"text"},{"state_key":"background","tool":"paint","tool_argument":"colour"}]
    TOOL_CALL_START c1 write in m1
    TOOL_CALL_ARGS c1 {"text":"On
    STATE_SNAPSHOT {"document":"On"}
    TOOL_CALL_ARGS c1 ce
    STATE_SNAPSHOT {"document":"Once"}
    TOOL_CALL_ARGS c1 "}
    TOOL_CALL_END c1
    STATE_SNAPSHOT {"document":"Once"}
    TOOL_CALL_RESULT c1 m2 "written"
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn tool_reads_state_without_predictions() {
    async fn look(context: ToolContext<Caller>, _: Document) -> Result<Value, ToolError> {
        Ok(Value::clone(&context.state().value()))
    }
    let run = scenario([Script::new().call("c1", "look", &json!({"text": "Once"})), Script::new()])
        .with_agent(|agent| {
            agent.tool(tool_fn("look", "Looks.", look)).predict_state("document", "look", "text")
        })
        .input("state", json!({"document": "old"}))
        .run()
        .await;

    let seen: Vec<&Value> = run.events.iter().filter(|event| event["type"] == "STATE_SNAPSHOT").collect();
    assert_eq!(
        [&seen[0]["snapshot"], &seen[1]["snapshot"]],
        [&json!({"document": "Once"}), &json!({"document": "old"})]
    );
    let result = run.events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert_eq!(result["content"], r#"{"document":"old"}"#);
}

#[test]
fn build_fails_for_predictions_of_unknown_arguments() {
    let agent = |argument: &str| {
        let tool = tool_fn("write", "Writes.", write);
        Agent::<Caller>::builder(Scripted::turns([]))
            .tool(tool)
            .predict_state("document", "write", argument)
            .build()
    };

    assert!(agent("text").is_ok());
    assert!(matches!(agent("txet"), Err(ag_ui_lambda::agent::BuildAgentError::UnknownArgument { .. })));
}
