//! Client input in the prompt: what is allowed, and what is dropped without refusing the run.

use ag_ui_lambda::Parts;
use ag_ui_lambda::agent::{AgentBuilder, FrontendTools, StartRunError};
use ag_ui_lambda::model::{Request, Script, Turn, UserPart};
use ag_ui_lambda::protocol::{Content, ContentPart, PartKind, Source};
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use serde_json::{Value, json};

use crate::support::scenario::{Caller, RunResult, Scenario, scenario};

/// A tool that returns a text and an image.
async fn chart(_: ToolContext<Caller>, _: NoArgs) -> Result<Parts, ToolError> {
    Ok(Parts::new().text("Sales rose.").image(Source::bytes(b"PNG", "image/png")))
}

/// Prepares a run with the backend tool `chart` and a model that answers with one sentence.
fn run_with(build: impl FnOnce(AgentBuilder<Caller>) -> AgentBuilder<Caller>) -> Scenario {
    scenario([Script::new().text("Hi.")])
        .with_agent(|agent| build(agent.tool(tool_fn("chart", "Returns parts.", chart))))
}

/// Returns a frontend tool of this name.
fn tool(name: &str) -> Value {
    json!({"name": name, "description": "Does something."})
}

/// Returns the names of the tools in the first model request.
fn offered_tools(run: &RunResult) -> Vec<&str> {
    run.requests[0].tools.iter().map(|tool| tool.name.as_str()).collect()
}

#[tokio::test]
async fn offers_only_allowed_frontend_tools_to_the_model() {
    let named = |names: &[&str]| FrontendTools::Allow(names.iter().map(|name| (*name).to_owned()).collect());
    for (why, allowed, expected) in [
        ("any", FrontendTools::Any, &["chart", "paint", "draw"][..]),
        ("none", FrontendTools::Deny, &["chart"]),
        ("one by its name", named(&["draw"]), &["chart", "draw"]),
        ("one in another case", named(&["PAINT", "erase"]), &["chart", "paint"]),
        ("a list of nothing", named(&[]), &["chart"]),
    ] {
        let run = run_with(|agent| agent.frontend_tools(allowed))
            .input("tools", json!([tool("paint"), tool("draw")]))
            .run()
            .await;

        assert_eq!(offered_tools(&run), expected, "{why}");
        assert!(run.outline().ends_with("RUN_FINISHED success"), "{why}");
    }
}

#[tokio::test]
async fn accepts_requests_with_disallowed_frontend_tools() {
    let paint_only = || FrontendTools::Allow(vec!["paint".into()]);
    for (why, tools, taken) in [
        ("a backend tool's name", json!([tool("chart"), tool("paint")]), None),
        ("twice the same name", json!([tool("draw"), tool("Draw"), tool("paint")]), None),
        (
            "a fault names the place in the input",
            json!([tool("chart"), tool("paint"), tool("Paint")]),
            Some(2),
        ),
    ] {
        let run = run_with(|agent| agent.frontend_tools(paint_only())).input("tools", tools).try_run().await;

        let refused = taken.map(|index| StartRunError::ToolNameTaken { index });
        assert_eq!(run.as_ref().err(), refused.as_ref(), "{why}");
        if let Ok(run) = run {
            assert_eq!(offered_tools(&run), ["chart", "paint"], "{why}");
        }
    }
}

#[tokio::test]
async fn rejects_calls_of_disallowed_frontend_tools() {
    let call = Script::new().call("c1", "paint", &json!({}));
    let run = scenario([call, Script::new().text("Sorry.")])
        .with_agent(|agent| agent.frontend_tools(FrontendTools::Deny))
        .input("tools", json!([tool("paint")]))
        .run()
        .await;

    assert!(run.outline().contains("There is no tool of that name."), "{}", run.outline());
    assert!(run.outline().ends_with("RUN_FINISHED success"), "{}", run.outline());
}

#[tokio::test]
async fn uses_context_entries_only_if_allowed() {
    for is_read in [true, false] {
        let run = run_with(|agent| agent.client_context(is_read))
            .input("context", json!([{"description": "page", "value": "the planted page"}]))
            .run()
            .await;

        assert_eq!(format!("{:?}", run.requests[0]).contains("the planted page"), is_read);
    }
}

/// Returns an image part with this data.
fn image_part(value: &str) -> Value {
    json!({"type": "image", "source": {"type": "data", "value": value, "mimeType": "image/png"}})
}

/// Returns messages with three images: from the user, from a frontend tool and from the backend tool.
fn messages_with_images() -> Value {
    let call = |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let text = |text: &str| json!({"type": "text", "text": text});
    json!([
        {"id": "u1", "role": "user", "content": [text("Look."), image_part("dXNlcg=="),
            {"type": "binary", "mimeType": "application/pdf", "data": "b2xk"}]},
        {"id": "a1", "role": "assistant", "toolCalls": [call("c1", "photo"), call("c2", "chart")]},
        {"id": "x1", "role": "tool", "toolCallId": "c1", "content": [text("Taken."), image_part("cGhvdG8=")]},
        {"id": "x2", "role": "tool", "toolCallId": "c2", "content": [text("Drawn."), image_part("Y2hhcnQ=")]},
        {"id": "u2", "role": "user", "content": "And now?"},
    ])
}

/// Returns the values of all media in a model request.
fn media_values(request: &Request) -> Vec<String> {
    let value = |part: &ContentPart| match &part.kind {
        PartKind::Image { source: Source::Data { value, .. } }
        | PartKind::Document { source: Source::Data { value, .. } } => Some(value.clone()),
        _ => None,
    };
    let of_parts = |parts: &[ContentPart]| parts.iter().filter_map(value).collect::<Vec<_>>();
    let of_turn = |turn: &Turn| match turn {
        Turn::User(parts) => parts
            .iter()
            .filter_map(|part| match part {
                UserPart::Content(part) => value(part),
                _ => None,
            })
            .collect(),
        Turn::Results(results) => results
            .iter()
            .flat_map(|result| match &result.content {
                Content::Parts(parts) => of_parts(parts),
                Content::Text(_) => Vec::new(),
            })
            .collect(),
        Turn::Assistant { .. } => Vec::new(),
    };
    request.history.iter().flat_map(of_turn).collect()
}

#[tokio::test]
async fn uses_client_media_only_if_allowed() {
    for (is_read, expected) in
        [(true, &["dXNlcg==", "b2xk", "cGhvdG8=", "Y2hhcnQ="][..]), (false, &["Y2hhcnQ="])]
    {
        let run = run_with(|agent| agent.client_media(is_read))
            .input("messages", messages_with_images())
            .run()
            .await;

        assert_eq!(
            media_values(&run.requests[0]),
            expected,
            "{is_read}: what the agent's own tool returned stays"
        );
        let asked = format!("{:?}", run.requests[0].history);
        for text in ["Look.", "Taken.", "Drawn.", "And now?"] {
            assert!(asked.contains(text), "{is_read}: {text}");
        }
    }
}

#[tokio::test]
async fn keeps_disallowed_media_in_the_client_messages() {
    let run = run_with(|agent| agent.client_media(false).emit_messages_snapshot(true))
        .input("messages", messages_with_images())
        .run()
        .await;

    let snapshot = run.events.iter().find(|event| event["type"] == "MESSAGES_SNAPSHOT").unwrap();
    let restated = snapshot["messages"].to_string();
    for value in ["dXNlcg==", "cGhvdG8=", "Y2hhcnQ="] {
        assert!(restated.contains(value), "{restated}");
    }
}

#[test]
fn capabilities_list_the_accepted_client_input() {
    let capabilities = |tools: FrontendTools, media_values: bool| {
        let agent =
            run_with(|agent| agent.frontend_tools(tools).client_media(media_values)).agent.build().unwrap();
        let capabilities = serde_json::to_value(agent.capabilities(&Caller::default(), None)).unwrap();
        (
            capabilities["tools"]["clientProvided"].clone(),
            capabilities["multimodal"]["input"]["image"].clone(),
        )
    };

    let image = capabilities(FrontendTools::Any, true).1;
    assert_eq!(capabilities(FrontendTools::Any, true), (json!(true), image.clone()));
    assert_eq!(capabilities(FrontendTools::Allow(vec!["paint".into()]), true), (json!(true), image));
    assert_eq!(capabilities(FrontendTools::Deny, false), (json!(false), json!(false)));
}

#[tokio::test]
async fn drops_input_by_variable_and_logs_the_counts() {
    use crate::support::function::{Reply, TOKEN, local_function, test_function, url_event, user_input};
    use crate::support::log::{lines, with_message};

    let closed = [
        ("AGUI_FRONTEND_TOOLS", "other,another"),
        ("AGUI_CLIENT_CONTEXT", "deny"),
        ("AGUI_CLIENT_MEDIA", "deny"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ];
    let mut input = user_input("");
    input["messages"][0]["content"] = json!([{"type": "text", "text": "call change_background"}, image_part("cGxhbnRlZA=="), image_part("cGxhbnRlZA==")]);
    input["tools"] = json!([{"name": "change_background", "description": "Changes the planted background."}]);
    input["context"] = json!([{"description": "the planted page", "value": "with planted text"}]);
    let event = url_event(&[("x-agui-token", TOKEN)], &input);
    // The template's function reads them through `lambda::agent`, the one for tests applies them itself.
    for function in [local_function(&closed).await, test_function(&closed).await] {
        let reply = Reply::send(&function, &event).await;

        let outcome = &reply.events.last().unwrap()["outcome"];
        assert_eq!(outcome, &json!({"type": "success"}), "no call is left to the client: {}", reply.text);
        let log = lines(&function).await;
        let [tools] = with_message(&log, "frontend tools that are not allowed were left out")[..] else {
            panic!("{log:?}")
        };
        let [rest] = with_message(&log, "context entries and media that are not allowed were left out")[..]
        else {
            panic!("{log:?}")
        };
        assert_eq!((&tools["tools"], &rest["context"], &rest["media"]), (&json!(1), &json!(1), &json!(2)));
        assert!(
            !json!(log).to_string().contains("change_background"),
            "a client's names are not logged: {log:?}"
        );
    }
}
