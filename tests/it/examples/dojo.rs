//! The demo agent in `examples/dojo`: each feature of the AG-UI dojo with both official clients, and all event types together.
//! docs/features.md names these tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ag_ui_dev::FunctionUrl;
use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use ag_ui_lambda::protocol::EventKind;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::protocol::all_types;
use crate::support::client_run::run_client;
use crate::support::function::{self, Function, TOKEN, dojo_function, test_function, url_event, user_input};
use crate::support::outline::thread_outline;
use crate::support::provider::variables;

/// The scenarios of the clients, one for each feature.
const SCENARIOS: [&str; 12] = [
    "frontend",
    "tool",
    "choice",
    "meeting",
    "approval",
    "plan",
    "haiku",
    "recipe",
    "story",
    "reasoning",
    "multimodal",
    "error",
];

/// Serves a function behind a URL whose authorizer has verified a caller who may refund.
async fn serve_dojo(function: Function) -> FunctionUrl {
    let function = Arc::new(function);
    FunctionUrl::serve(move |mut event: Value| {
        let function = Arc::clone(&function);
        async move {
            event["requestContext"]["authorizer"] =
                json!({"lambda": {"principalId": "ada", "permissions": "refunds:write"}});
            function.invoke(&event).await
        }
    })
    .await
    .unwrap()
}

/// Returns the runs of a feature with the current client, which are played once for all tests.
async fn client_runs(scenario: &str) -> &'static [Vec<Value>] {
    static RUNS: [OnceCell<Vec<Vec<Value>>>; SCENARIOS.len()] =
        [const { OnceCell::const_new() }; SCENARIOS.len()];
    let place = SCENARIOS.iter().position(|known| *known == scenario).unwrap();
    let play = || async {
        let serve_dojo = serve_dojo(dojo_function(&[]).await).await;
        run_client("1.0", scenario, &serve_dojo.url(), &format!("dojo-1.0-{scenario}")).await
    };
    RUNS[place].get_or_init(play).await
}

/// Returns the outline of a feature with the current client. Checks that the older client sees the same, except for the list of
/// pending calls, which it does not know.
async fn outline_of_both_clients(scenario: &str) -> String {
    let current = client_runs(scenario).await;
    let serve_dojo = serve_dojo(dojo_function(&[]).await).await;
    let older = run_client("0.0.59", scenario, &serve_dojo.url(), &format!("dojo-0.0.59-{scenario}")).await;
    let mut bare = current.to_vec();
    for event in bare.iter_mut().flatten() {
        if let Some(outcome) = event["outcome"].as_object_mut() {
            outcome.remove("pendingToolCallIds");
        }
    }
    assert_eq!(thread_outline(&older), thread_outline(&bare), "{scenario}");
    thread_outline(current)
}

#[tokio::test]
async fn agentic_chat_continues_from_the_frontend_result() {
    assert_snapshot!(outline_of_both_clients("frontend").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 change_background in m1
    TOOL_CALL_ARGS call_1 {"background":"teal"} x2
    TOOL_CALL_END call_1
    RUN_FINISHED success ["call_1"]
    -- run 2
    RUN_STARTED
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "change_background answered: ok yes. (I am a demo script, not a language model.)" x13
    TEXT_MESSAGE_END m2
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn backend_tool_rendering_emits_call_and_result() {
    assert_snapshot!(outline_of_both_clients("tool").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 get_weather in m1
    TOOL_CALL_ARGS call_1 {"location":"Tokyo"} x2
    TOOL_CALL_END call_1
    TOOL_CALL_RESULT call_1 m2 "{\"city\":\"Tokyo\",\"conditions\":\"Partly cloudy\",\"temperature\":22,\"humidity\":61,\"wind_speed\":14}"
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "Tokyo: 22 °C, Partly cloudy. (I am a demo script, not a language model.)" x14
    TEXT_MESSAGE_END m3
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn human_in_the_loop_continues_from_the_choice() {
    assert_snapshot!(outline_of_both_clients("choice").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 generate_task_steps in m1
    TOOL_CALL_ARGS call_1 {"steps":[{"description":"Look at the map","status":"enabled"},{"description":"Pack the bag","status":"enabled"},{"description":"Set off","status":"enabled"}]} x14
    TOOL_CALL_END call_1
    RUN_FINISHED success ["call_1"]
    -- run 2
    RUN_STARTED
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "generate_task_steps answered: accepted yes, steps (description Look at the map, status enabled), (description Pack the bag, status enabled). (I am a demo script, not a language model.)" x27
    TEXT_MESSAGE_END m2
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn interrupt_answer_yields_the_call_result_first() {
    assert_snapshot!(outline_of_both_clients("meeting").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 schedule_meeting in m1
    TOOL_CALL_ARGS call_1 {"topic":"Schedule a meeting about tea"} x2
    TOOL_CALL_END call_1
    RUN_FINISHED interrupt input_required call_1
    -- run 2
    RUN_STARTED
    TOOL_CALL_RESULT call_1 m2 "{\"topic\":\"Schedule a meeting about tea\",\"time\":\"2026-05-01T10:00:00Z\",\"label\":\"Friday at ten\"}"
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "schedule_meeting answered: label Friday at ten, time 2026-05-01T10:00:00Z, topic Schedule a meeting about tea. (I am a demo script, not a language model.)" x23
    TEXT_MESSAGE_END m3
    RUN_FINISHED success
    -- run 3
    RUN_STARTED
    TOOL_CALL_START call_2 schedule_meeting in m4
    TOOL_CALL_ARGS call_2 {"topic":"Schedule a meeting about tea"} x2
    TOOL_CALL_END call_2
    RUN_FINISHED interrupt input_required call_2
    -- run 4
    RUN_STARTED
    TOOL_CALL_RESULT call_2 m5 "{\"error\":\"The user wants no meeting.\"}"
    TEXT_MESSAGE_START m6
    TEXT_MESSAGE_CONTENT m6 "schedule_meeting answered: The user wants no meeting. (I am a demo script, not a language model.)" x16
    TEXT_MESSAGE_END m6
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn approval_yields_the_call_result_first() {
    assert_snapshot!(outline_of_both_clients("approval").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 refund_order in m1
    TOOL_CALL_ARGS call_1 {"amount":20.0,"order_id":"1234"} x2
    TOOL_CALL_END call_1
    RUN_FINISHED interrupt tool_call call_1
    -- run 2
    RUN_STARTED
    TOOL_CALL_RESULT call_1 m2 "{\"order_id\":\"1234\",\"amount\":20.0,\"status\":\"refunded\"}"
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "refund_order answered: amount 20, order id 1234, status refunded. (I am a demo script, not a language model.)" x18
    TEXT_MESSAGE_END m3
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn agentic_generative_ui_updates_state_and_activity() {
    assert_snapshot!(outline_of_both_clients("plan").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 work_through in m1
    TOOL_CALL_ARGS call_1 {"steps":[{"description":"Look at the map","status":"enabled"},{"description":"Pack the bag","status":"enabled"},{"description":"Set off","status":"enabled"}]} x14
    TOOL_CALL_END call_1
    STATE_SNAPSHOT {"steps":[{"description":"Look at the map","status":"pending"},{"description":"Pack the bag","status":"pending"},{"description":"Set off","status":"pending"}]}
    ACTIVITY_SNAPSHOT m2 com.acme.plan {"done":0,"steps":["Look at the map","Pack the bag","Set off"]}
    STEP_STARTED Look at the map
    STATE_DELTA [{"op":"replace","path":"/steps/0/status","value":"completed"}]
    ACTIVITY_DELTA m2 com.acme.plan [{"op":"replace","path":"/done","value":1}]
    STEP_FINISHED Look at the map
    STEP_STARTED Pack the bag
    STATE_DELTA [{"op":"replace","path":"/steps/1/status","value":"completed"}]
    ACTIVITY_DELTA m2 com.acme.plan [{"op":"replace","path":"/done","value":2}]
    STEP_FINISHED Pack the bag
    STEP_STARTED Set off
    STATE_DELTA [{"op":"replace","path":"/steps/2/status","value":"completed"}]
    ACTIVITY_DELTA m2 com.acme.plan [{"op":"replace","path":"/done","value":3}]
    STEP_FINISHED Set off
    CUSTOM com.acme.plan_done {"steps":3}
    TOOL_CALL_RESULT call_1 m3 "All 3 steps are done."
    TEXT_MESSAGE_START m4
    TEXT_MESSAGE_CONTENT m4 "work_through answered: All 3 steps are done. (I am a demo script, not a language model.)" x16
    TEXT_MESSAGE_END m4
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn tool_based_generative_ui_emits_a_frontend_call() {
    assert_snapshot!(outline_of_both_clients("haiku").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 generate_haiku in m1
    TOOL_CALL_ARGS call_1 {"english":["The old pond is still","A frog leaps into the depths","The sound of water"],"gradient":"linear-gradient(135deg, #134e5e 0%, #71b280 100%)","image_name":"Bonsai_Tree_Potted_Japanese_Art_Green_Foliage.jpeg","japanese":["古池や","蛙飛び込む","水の音"]} x2
    TOOL_CALL_END call_1
    RUN_FINISHED success ["call_1"]
    -- run 2
    RUN_STARTED
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "generate_haiku answered: ok yes. (I am a demo script, not a language model.)" x13
    TEXT_MESSAGE_END m2
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn shared_state_is_read_and_changed_by_a_tool() {
    assert_snapshot!(outline_of_both_clients("recipe").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 improve_recipe in m1
    TOOL_CALL_ARGS call_1 {} x2
    TOOL_CALL_END call_1
    STATE_SNAPSHOT {"recipe":{"cooking_time":"30 min","ingredients":[{"amount":"4","icon":"🍅","name":"Tomatoes"},{"amount":"1 pinch","icon":"🧂","name":"Salt"}],"instructions":["Cut them.","Cook them."],"skill_level":"Beginner","special_preferences":["Vegan"],"title":"A soup of what the garden has"}}
    STATE_DELTA [{"op":"add","path":"/recipe/instructions/2","value":"Salt it."}]
    TOOL_CALL_RESULT call_1 m2 "There is salt in it now."
    TEXT_MESSAGE_START m3
    TEXT_MESSAGE_CONTENT m3 "improve_recipe answered: There is salt in it now. (I am a demo script, not a language model.)" x17
    TEXT_MESSAGE_END m3
    RUN_FINISHED success
    -- run 2
    RUN_STARTED
    TOOL_CALL_START call_2 improve_recipe in m4
    TOOL_CALL_ARGS call_2 {} x2
    TOOL_CALL_END call_2
    TOOL_CALL_RESULT call_2 m5 "There is salt in it already."
    TEXT_MESSAGE_START m6
    TEXT_MESSAGE_CONTENT m6 "improve_recipe answered: There is salt in it already. (I am a demo script, not a language model.)" x17
    TEXT_MESSAGE_END m6
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn shared_state_contains_the_generated_recipe() {
    let function = dojo_function(&[]).await;
    let mut input = user_input("Create a delicious Italian pasta recipe.");
    input["state"] = json!({"recipe": {"title": "Soup", "cooking_time": "45 min", "ingredients": []}});
    let reply = function::Reply::send(&function, &url_event(&[("x-agui-token", TOKEN)], &input)).await;

    let state = reply.events.iter().find(|event| event["type"] == "STATE_SNAPSHOT").unwrap();
    let recipe = &state["snapshot"]["recipe"];
    assert_eq!(
        (&recipe["title"], &recipe["cooking_time"]),
        (&json!("Pasta with tomatoes"), &json!("45 min"))
    );
    let names: Vec<&Value> =
        recipe["ingredients"].as_array().unwrap().iter().map(|ingredient| &ingredient["name"]).collect();
    assert_eq!(names, ["Pasta", "Tomatoes", "Garlic"]);
}

/// Says this to the demo agent in a new conversation, and returns the content of the one result in the reply.
async fn result_of(text: &str) -> Value {
    let function = dojo_function(&[]).await;
    let reply =
        function::Reply::send(&function, &url_event(&[("x-agui-token", TOKEN)], &user_input(text))).await;
    let results: Vec<&Value> =
        reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT").collect();
    assert_eq!(results.len(), 1, "{text}");
    results[0]["content"].clone()
}

#[tokio::test]
async fn a2ui_results_are_surfaces_of_the_basic_catalog() {
    for (text, surface, heading) in [
        (
            "Find flights from SFO to JFK for next Tuesday.",
            "flight-search-results",
            "Flights from SFO to JFK",
        ),
        ("Find hotels in downtown Manhattan.", "hotel-search-results", "Hotels in downtown Manhattan"),
    ] {
        let result: Value = serde_json::from_str(result_of(text).await.as_str().unwrap()).unwrap();
        let operations = result["a2ui_operations"].as_array().unwrap();
        let catalog = "https://a2ui.org/specification/v0_9/basic_catalog.json";
        assert_eq!(operations[0]["createSurface"], json!({"surfaceId": surface, "catalogId": catalog}));
        assert_eq!(operations[1]["updateComponents"]["components"][0]["id"], "root", "{text}");
        let data = &operations[2]["updateDataModel"]["value"];
        assert_eq!((&data["heading"], data["cards"].as_array().unwrap().len()), (&json!(heading), 2));
    }
}

#[tokio::test]
async fn report_is_a_sentence_a_picture_and_a_link() {
    let parts = result_of("Show the sales report").await;
    let kinds: Vec<&Value> = parts.as_array().unwrap().iter().map(|part| &part["type"]).collect();
    assert_eq!(kinds, ["text", "image", "document"]);
    assert_eq!(parts[0]["text"], "Sales rose from 46 in January to 112 in June.");
    assert_eq!(parts[1]["source"]["mimeType"], "image/png");
}

#[tokio::test]
async fn predictive_state_follows_the_streamed_argument() {
    assert_snapshot!(outline_of_both_clients("story").await, @r#"
    -- run 1
    RUN_STARTED
    TOOL_CALL_START call_1 write_document in m1
    TOOL_CALL_ARGS call_1 {"document":"Once there x2
    STATE_SNAPSHOT {"document":"Once there ","title":"A story"}
    TOOL_CALL_ARGS call_1 was a cat. N
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. N"}]
    TOOL_CALL_ARGS call_1 obody knew w
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew w"}]
    TOOL_CALL_ARGS call_1 here a cat c
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat c"}]
    TOOL_CALL_ARGS call_1 ame from, an
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, an"}]
    TOOL_CALL_ARGS call_1 d nobody ask
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody ask"}]
    TOOL_CALL_ARGS call_1 ed. One morn
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morn"}]
    TOOL_CALL_ARGS call_1 ing the sea
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea "}]
    TOOL_CALL_ARGS call_1 was calm, an
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea was calm, an"}]
    TOOL_CALL_ARGS call_1 d a cat set
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea was calm, and a cat set "}]
    TOOL_CALL_ARGS call_1 off. The res
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea was calm, and a cat set off. The res"}]
    TOOL_CALL_ARGS call_1 t is for a b
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea was calm, and a cat set off. The rest is for a b"}]
    TOOL_CALL_ARGS call_1 etter writer
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea was calm, and a cat set off. The rest is for a better writer"}]
    TOOL_CALL_ARGS call_1  than a scri
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea was calm, and a cat set off. The rest is for a better writer than a scri"}]
    TOOL_CALL_ARGS call_1 pt."}
    STATE_DELTA [{"op":"replace","path":"/document","value":"Once there was a cat. Nobody knew where a cat came from, and nobody asked. One morning the sea was calm, and a cat set off. The rest is for a better writer than a script."}]
    TOOL_CALL_END call_1
    RUN_FINISHED success ["call_1"]
    -- run 2
    RUN_STARTED
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "write_document answered: accepted yes. (I am a demo script, not a language model.)" x13
    TEXT_MESSAGE_END m2
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn reasoning_precedes_text() {
    assert_snapshot!(outline_of_both_clients("reasoning").await, @r#"
    -- run 1
    RUN_STARTED
    REASONING_START m1
    REASONING_MESSAGE_START m1
    REASONING_MESSAGE_CONTENT m1 "The user wants me to think. A script has little to think about." x2
    REASONING_MESSAGE_END m1
    REASONING_END m1
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "I have thought about it. (I am a demo script, not a language model.)" x14
    TEXT_MESSAGE_END m2
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn multimodal_input_reaches_the_model() {
    assert_snapshot!(outline_of_both_clients("multimodal").await, @r#"
    -- run 1
    RUN_STARTED
    TEXT_MESSAGE_START m1
    TEXT_MESSAGE_CONTENT m1 "I got a picture. You said: What is this? (I am a demo script, not a language model.)" x19
    TEXT_MESSAGE_END m1
    RUN_FINISHED success
    -- run 2
    RUN_STARTED
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "You said: And now? (I am a demo script, not a language model.)" x14
    TEXT_MESSAGE_END m2
    RUN_FINISHED success
    "#);
}

#[tokio::test]
async fn error_ends_the_run_and_keeps_earlier_text() {
    assert_snapshot!(outline_of_both_clients("error").await, @r#"
    -- run 1
    RUN_STARTED
    TEXT_MESSAGE_START m1
    TEXT_MESSAGE_CONTENT m1 "Let me try. " x3
    TEXT_MESSAGE_END m1
    RUN_ERROR MODEL_UNAVAILABLE
    -- run 2
    RUN_STARTED
    TEXT_MESSAGE_START m2
    TEXT_MESSAGE_CONTENT m2 "You said: Hello (I am a demo script, not a language model.)" x13
    TEXT_MESSAGE_END m2
    RUN_FINISHED success
    "#);
}

/// Event types that this crate never sends: the shorthands for longer sequences, a provider's own events, and subagents.
const NEVER_SENT: [&str; 7] = [
    "TEXT_MESSAGE_CHUNK",
    "TOOL_CALL_CHUNK",
    "REASONING_MESSAGE_CHUNK",
    "RAW",
    "SUBAGENT_STARTED",
    "SUBAGENT_FINISHED",
    "SUBAGENT_ERROR",
];

#[tokio::test]
async fn every_other_event_type_is_emitted() {
    // A script signs nothing, so the signature of reasoning comes from a provider.
    let provider = Provider::start().await.unwrap();
    let signed = [TurnPart::reasoning("Hm."), TurnPart::signature("c2lnbmVk"), TurnPart::text("Done.")];
    provider.queue([Reply::stream(Wire::Anthropic, &signed)]);
    let variables = variables(Wire::Anthropic, &provider.url());
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let hosted = serve_dojo(dojo_function(&variables).await).await;

    let mut runs = run_client("1.0", "reasoning", &hosted.url(), "dojo-signed").await;
    for scenario in SCENARIOS {
        runs.extend_from_slice(client_runs(scenario).await);
    }
    // An agent can emit a snapshot of all messages at the end.
    let key = [("AGUI_APPROVAL_KEY", "0123456789abcdef0123456789abcdef")];
    let snapshot_url = serve_dojo(test_function(&key).await).await;
    runs.extend(run_client("1.0", "state", &snapshot_url.url(), "dojo-messages-snapshot").await);

    let sent = runs.iter().flatten().map(|event| event["type"].as_str().unwrap().to_owned());
    let mut expected = all_types();
    expected.retain(|kind| !NEVER_SENT.contains(&kind.as_str()));
    assert_eq!(sent.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn events_page_has_each_event_that_is_sent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/events.md")).unwrap();
    let examples = page.lines().filter(|line| line.starts_with("{\"type\""));
    let examples: Vec<Value> = examples.map(|line| serde_json::from_str(line).unwrap()).collect();

    let mut expected = all_types();
    expected.retain(|kind| !NEVER_SENT.contains(&kind.as_str()));
    let shown: BTreeSet<String> =
        examples.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(shown, expected);
    for kind in NEVER_SENT {
        assert!(page.contains(&format!("`{kind}`")), "the page says that {kind} is not sent");
    }
    for event in &examples {
        let kind = event["type"].as_str().unwrap();
        serde_json::from_value::<EventKind>(event.clone()).unwrap_or_else(|error| panic!("{event}: {error}"));
        let row = page.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
        let row = row.unwrap_or_else(|| panic!("no table has a row for {kind}"));
        let members =
            event.as_object().unwrap().keys().filter(|name| !["type", "metadata"].contains(&name.as_str()));
        for member in members {
            assert!(row.contains(&format!("`{member}`")), "the row of {kind} names {member}");
        }
    }
}

#[test]
fn features_page_names_existing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/features.md")).unwrap();
    let named: Vec<_> =
        page.split('`').skip(1).step_by(2).filter_map(|code| code.rsplit_once("::")).collect();
    for (module, test) in &named {
        let file = root.join("tests/it").join(module.replace("::", "/")).with_extension("rs");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(&format!("fn {test}(")), "{module}::{test}");
    }
    assert_eq!(named.len(), 15);
}
