//! The result of a run: asked for after the last answer, checked, and sent in RUN_FINISHED.

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use ag_ui_lambda::agent::{Agent, BuildAgentError, Limits, RunRequest, StartRunError};
use ag_ui_lambda::model::{ModelSettings, Request, Script, Scripted, ThinkTags, ToolChoice, Turn, UserPart};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use futures_util::StreamExt as _;
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::provider_model::provider_model;
use crate::support::scenario::{Caller, Scenario, scenario};

/// What the user wants.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its type matters")]
struct Ticket {
    /// In a few words.
    title: String,
    is_urgent: bool,
}

/// A tool that returns a fact.
async fn look(_: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("It is broken.")
}

/// Prepares a run of an agent with a tool and a result type.
fn with_result(turns: impl IntoIterator<Item = Script>) -> Scenario {
    scenario(turns).with_agent(|agent| agent.tool(tool_fn("look", "Looks.", look)).result::<Ticket>())
}

/// Returns a turn that gives this result.
fn gives(result: &Value) -> Script {
    Script::new().call("r1", "final_result", result)
}

/// Returns the note at the end of a request.
fn note(request: &Request) -> &str {
    match request.history.last() {
        Some(Turn::User(parts)) => match parts.as_slice() {
            [UserPart::Note(note)] => note,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn result_follows_the_last_answer_unseen() {
    let ticket = json!({"title": "Lamp", "is_urgent": true});
    let run = with_result([
        Script::new().call("c1", "look", &json!({})),
        Script::new().text("I opened a ticket."),
        Script::new().reasoning("Hm.").text("Here:").call("r1", "final_result", &ticket),
    ])
    .run()
    .await;

    assert_snapshot!(run.outline(), @r#"
    RUN_STARTED
    TOOL_CALL_START c1 look in m1
    TOOL_CALL_ARGS c1 {
    TOOL_CALL_ARGS c1 }
    TOOL_CALL_END c1
    TOOL_CALL_RESULT c1 m2 "It is broken."
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "I opened a ticket."
    TEXT_MESSAGE_END m3
    RUN_FINISHED success
    "#);
    assert_eq!(run.events.last().unwrap()["result"], ticket);
    let [first, _, asked] = run.requests.as_slice() else { panic!("three turns") };
    assert!(!first.offers("final_result"), "it is on offer only when it is asked for");
    let names: Vec<&str> = asked.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["final_result"]);
    assert_eq!(asked.settings.tool_choice, ToolChoice::Tool("final_result".into()));
    assert_eq!(asked.tools[0].parameters.as_ref().unwrap()["required"], json!(["title", "is_urgent"]));
    let [.., Turn::Assistant { text, .. }, Turn::User(_)] = asked.history.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(text, "I opened a ticket.");
    assert!(note(asked).contains("final_result"), "{}", note(asked));
}

#[tokio::test]
async fn result_that_does_not_fit_is_asked_for_again() {
    let ticket = json!({"title": "Lamp", "is_urgent": false});
    for (why, attempt, fault) in [
        ("a member is missing", gives(&json!({"title": "Lamp"})), "\"is_urgent\" is a required property"),
        (
            "not JSON",
            Script::new().call_in_pieces("r1", "final_result", &["{\"tit"]),
            "not valid JSON: line 1, column 5",
        ),
        ("only text", Script::new().text("Here you are."), "There was no call of the tool."),
        ("another tool", Script::new().call("r1", "look", &json!({})), "There was no call of the tool."),
    ] {
        let run = with_result([Script::new().text("Done."), attempt, gives(&ticket)]).run().await;

        assert_eq!(run.events.last().unwrap()["result"], ticket, "{why}");
        let [answer, asked, again] = run.requests.as_slice() else { panic!("{why}: three turns") };
        assert!(note(again).contains(fault), "{why}: {}", note(again));
        assert_eq!(again.history.len(), asked.history.len(), "{why}: the note is replaced");
        assert_eq!(answer.history.len() + 2, again.history.len(), "{why}");
    }
}

#[tokio::test]
async fn run_fails_after_two_corrections() {
    let wrong = || gives(&json!({"title": "secret-title"}));
    let run = with_result([Script::new().text("Done."), wrong(), wrong(), wrong(), wrong()]).run().await;

    assert_eq!(run.requests.len(), 4, "one answer, one question and two corrections");
    assert_snapshot!(run.outline(), @r#"
    RUN_STARTED
    TEXT_MESSAGE_START m1
    TEXT_MESSAGE_CONTENT m1 "Done."
    TEXT_MESSAGE_END m1
    RUN_ERROR RESULT_INVALID
    "#);
    let last = run.events.last().unwrap();
    assert_eq!(
        last["message"],
        "The answer is complete, but its result has not the expected form. Please try again."
    );
}

#[tokio::test]
async fn json_in_text_counts_where_no_tool_can_be_forced() {
    let ticket = json!({"title": "Lamp", "is_urgent": true});
    let text = format!("Sure:\n```json\n{ticket}\n```");
    let run = with_result([Script::new().text("Done."), Script::new().text(text)]).run().await;

    assert_eq!(run.events.last().unwrap()["result"], ticket);
    assert!(!run.outline().contains("Sure"), "{}", run.outline());
}

#[tokio::test]
async fn settings_that_hinder_the_result_are_dropped() {
    let run = with_result([Script::new().text("Done."), gives(&json!({"title": "Lamp", "is_urgent": true}))])
        .with_agent(|agent| {
            let settings = ModelSettings {
                thinking_tokens: Some(2000),
                stop: vec!["}".into()],
                temperature: Some(0.5),
                think_tags: ThinkTags::On,
                ..ModelSettings::default()
            };
            agent.settings(settings)
        })
        .run()
        .await;

    let settings = &run.requests[1].settings;
    assert_eq!((settings.thinking_tokens, settings.stop.len()), (None, 0));
    assert_eq!((settings.temperature, settings.think_tags), (Some(0.5), ThinkTags::On), "the others stay");
}

#[tokio::test]
async fn questions_count_as_turns_of_the_run() {
    let run = with_result([Script::new().text("Done."), gives(&json!({})), gives(&json!({}))])
        .with_agent(|agent| agent.limits(Limits { turns: 2, ..Limits::default() }))
        .run()
        .await;

    let last = run.events.last().unwrap();
    assert_eq!(last.pointer("/metadata/ag_ui_lambda/reason"), Some(&json!("MAX_TURNS")));
    assert_eq!(last.get("result"), None);
}

#[tokio::test]
async fn run_that_waits_for_the_client_has_no_result() {
    let paint = json!([{"name": "paint", "description": "Paints.", "parameters": {"type": "object"}}]);
    let run = with_result([Script::new().call("c1", "paint", &json!({}))]).input("tools", paint).run().await;

    assert_eq!(run.requests.len(), 1);
    assert_eq!(run.events.last().unwrap().get("result"), None);
}

/// What came of a conversation.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its type matters")]
enum Outcome {
    Solved,
    Refund { euros: u32 },
}

#[tokio::test]
async fn type_may_be_an_enum() {
    let turns = [
        Script::new().text("You get it back."),
        gives(&json!({"result": {"kind": "refund"}})),
        gives(&json!({"result": {"kind": "refund", "euros": 7}})),
    ];
    let run = scenario(turns).with_agent(|agent| agent.result::<Outcome>()).run().await;

    let schema = run.requests[1].tools[0].parameters.as_ref().unwrap();
    assert_eq!((&schema["type"], &schema["required"]), (&json!("object"), &json!(["result"])));
    assert_eq!(run.events.last().unwrap()["result"], json!({"kind": "refund", "euros": 7}));
}

#[tokio::test]
async fn integral_float_is_an_integer_of_the_result() {
    #[derive(Deserialize, JsonSchema)]
    struct Refund {
        #[expect(dead_code, reason = "only its type matters")]
        euros: u32,
    }

    let turns = [Script::new().text("You get it back."), gives(&json!({"euros": 7.0}))];
    let run = scenario(turns).with_agent(|agent| agent.result::<Refund>()).run().await;

    assert_eq!(run.events.last().unwrap()["result"], json!({"euros": 7}));
}

#[test]
fn tool_with_the_name_of_the_result_does_not_build() {
    for name in ["final_result", "Final_Result"] {
        let builder = Agent::builder(Scripted::turns([])).tool(tool_fn(name, "Looks.", look));
        let error = builder.result::<Ticket>().build().unwrap_err();

        assert!(matches!(error, BuildAgentError::ResultNameTaken(_)), "{error}");
    }
    let builder = Agent::builder(Scripted::turns([])).tool(tool_fn("final_result", "Looks.", look));
    assert!(builder.build().is_ok());
}

#[tokio::test]
async fn client_cannot_offer_a_tool_with_the_name_of_the_result() {
    let frontend_tools = |name: &str| json!([{"name": "paint", "description": "Paints."}, {"name": name, "description": "Shows it."}]);
    for name in ["final_result", "Final_Result"] {
        let refused = with_result([]).input("tools", frontend_tools(name)).try_run().await.err();
        assert_eq!(refused, Some(StartRunError::ToolNameTaken { index: 1 }), "{name}");
    }
    let run =
        scenario([Script::new().text("Hi.")]).input("tools", frontend_tools("final_result")).run().await;
    assert!(run.requests[0].offers("final_result"), "without a result it is a name like any other");
}

#[test]
fn capabilities_announce_structured_output() {
    let build = |with: bool| {
        let agent = Agent::<()>::builder(Scripted::turns([]));
        let agent = if with { agent.result::<Ticket>() } else { agent };
        agent.build().unwrap().capabilities(&(), None).output.and_then(|output| output.structured_output)
    };

    assert_eq!((build(true), build(false)), (Some(true), None));
}

#[tokio::test]
async fn every_wire_gives_a_result() {
    for wire in Wire::ALL {
        let provider = Provider::start().await.unwrap();
        let call = |arguments: &str| [TurnPart::call("call_1", "final_result", [arguments])];
        provider.queue([
            Reply::stream(wire, &[TurnPart::text("I opened a ticket.")]),
            Reply::stream(wire, &call(r#"{"title":7,"is_urgent":true}"#)),
            Reply::stream(wire, &call(r#"{"title":"Lamp","is_urgent":true}"#)),
        ]);
        let agent = Agent::<()>::builder(provider_model(wire, &provider.url())).result::<Ticket>().build();
        let input = json!({
            "threadId": "t", "runId": "r", "protocolVersion": "1.0",
            "messages": [{"id": "u1", "role": "user", "content": "My lamp is broken"}],
        });
        let input = RunAgentInput::read(input).unwrap().input;

        let run = agent.unwrap().run(RunRequest::new((), input)).await.unwrap();
        let events: Vec<Value> = run.map(|event| serde_json::to_value(event).unwrap()).collect().await;

        assert_eq!(events.last().unwrap()["result"], json!({"title": "Lamp", "is_urgent": true}), "{wire:?}");
        assert!(!events.iter().any(|event| event["type"] == "TOOL_CALL_START"), "{wire:?}");
        let asked: Vec<String> = provider.requests().iter().map(|asked| asked.body.to_string()).collect();
        let [answer, first, second] = asked.as_slice() else { panic!("{wire:?}: {asked:?}") };
        assert!(!answer.contains("final_result"), "{wire:?}: {answer}");
        assert!(first.contains("is_urgent") && first.contains("I opened a ticket."), "{wire:?}: {first}");
        assert!(second.contains("is not of type"), "{wire:?}: {second}");
    }
}
