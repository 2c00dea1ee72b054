//! The formats of a tool's result.

use ag_ui_lambda::agent::Limits;
use ag_ui_lambda::model::{Script, Turn};
use ag_ui_lambda::protocol::{Content, Source};
use ag_ui_lambda::tool::{NoArgs, Parts, ToolContext, ToolError, tool_fn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::scenario::{Caller, scenario};

/// The arguments of tools whose result is as long as they say.
#[derive(Deserialize, JsonSchema)]
struct Length {
    length: usize,
}

#[tokio::test]
async fn results_are_text_json_or_parts() {
    async fn text(_: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
        Ok("As it is.")
    }
    async fn data(_: ToolContext<Caller>, _: NoArgs) -> Result<Value, ToolError> {
        Ok(json!({"a2ui_operations": [{"createSurface": {"surfaceId": "s"}}]}))
    }
    async fn parts(_: ToolContext<Caller>, _: NoArgs) -> Result<Parts, ToolError> {
        Ok(Parts::new()
            .text("See here.")
            .image(Source::bytes(b"PNG", "image/png"))
            .document(Source::url("https://acme.example/report.pdf"))
            .with_metadata(json!({"title": "Report"})))
    }
    let calls = ["text", "data", "parts"].iter();
    let run = scenario([
        calls.fold(Script::new(), |script, tool| script.call(tool, tool, &json!({}))),
        Script::new(),
    ])
    .with_agent(|agent| {
        agent
            .tool(tool_fn("text", "-", text))
            .tool(tool_fn("data", "-", data))
            .tool(tool_fn("parts", "-", parts))
    })
    .run()
    .await;

    let emitted = |tool: &str| {
        let is_its = |event: &&Value| event["type"] == "TOOL_CALL_RESULT" && event["toolCallId"] == tool;
        run.events.iter().find(is_its).unwrap()["content"].clone()
    };
    assert_eq!(emitted("text"), "As it is.");
    assert_eq!(
        emitted("data"),
        r#"{"a2ui_operations":[{"createSurface":{"surfaceId":"s"}}]}"#,
        "a string, as its middleware reads"
    );
    assert_eq!(
        emitted("parts"),
        json!([
            {"type": "text", "text": "See here."},
            {"type": "image", "source": {"type": "data", "value": "UE5H", "mimeType": "image/png"}},
            {
                "type": "document",
                "source": {"type": "url", "value": "https://acme.example/report.pdf"},
                "metadata": {"title": "Report"},
            },
        ])
    );
    let [.., Turn::Results(read)] = run.requests[1].history.as_slice() else { panic!("results") };
    assert!(matches!(&read[2].content, Content::Parts(parts) if parts.len() == 3));
}

#[tokio::test]
async fn result_above_the_limit_fails_its_call() {
    #[derive(Clone, Serialize)]
    struct Row {
        second: u8,
        first: u8,
    }
    async fn text(_: ToolContext<Caller>, args: Length) -> Result<String, ToolError> {
        Ok("x".repeat(args.length))
    }
    async fn rows(_: ToolContext<Caller>, args: Length) -> Result<Vec<Row>, ToolError> {
        Ok(vec![Row { second: 2, first: 1 }; args.length])
    }
    async fn parts(_: ToolContext<Caller>, args: Length) -> Result<Parts, ToolError> {
        Ok(Parts::new().text("x".repeat(args.length)))
    }
    let too_large = json!(r#"{"error":"The result of the tool is too large."}"#);
    let small = Limits { result_bytes: 45, ..Limits::default() };
    let small_rows = Limits { result_bytes: 47, ..small };
    let small_input = Limits { input_bytes: 10_000, ..Limits::default() };
    for (limits, tool, length, expected) in [
        (small_input, "text", 5000, json!("x".repeat(5000))),
        (small_input, "text", 5001, too_large.clone()),
        (small, "text", 45, json!("x".repeat(45))),
        (small, "text", 46, too_large.clone()),
        (small_rows, "rows", 1, json!(r#"[{"second":2,"first":1}]"#)),
        (small_rows, "rows", 2, json!(r#"[{"second":2,"first":1},{"second":2,"first":1}]"#)),
        (small_rows, "rows", 3, too_large.clone()),
        (small, "parts", 15, json!([{"type": "text", "text": "x".repeat(15)}])),
        (small, "parts", 30, too_large),
    ] {
        let run = scenario([Script::new().call("c1", tool, &json!({ "length": length })), Script::new()])
            .with_agent(|agent| {
                agent
                    .tool(tool_fn("text", "-", text))
                    .tool(tool_fn("rows", "-", rows))
                    .tool(tool_fn("parts", "-", parts))
                    .limits(limits)
            })
            .run()
            .await;

        let result = run.events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
        assert_eq!(result["content"], expected, "{tool} {length}");
        assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success", "{tool} {length}");
    }
}
