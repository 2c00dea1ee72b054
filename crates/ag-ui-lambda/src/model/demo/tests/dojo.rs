//! The prompts that the pages of the AG-UI dojo suggest, those of its own browser tests, and what each leads to.
//!
//! Source: `apps/dojo/src/app/[integrationId]/feature/(v2)/*/page.tsx` and `apps/dojo/e2e` of ag-ui-protocol/ag-ui.

use serde_json::{Value, json};

use super::{image_part, play_message, play_turn, request, text_part, tool};
use crate::model::demo::next_turn;
use crate::model::scripted::Step;
use crate::model::{Call, CallResult, Delta, Turn, UserPart};
use crate::protocol::{Content, Tool};

/// What a page expects of a prompt.
enum ExpectedTurn {
    /// A call of a tool with these arguments.
    Call(&'static str, Value),
    /// A call with so many steps.
    Steps(&'static str, usize),
    /// A call with a document that has this text.
    Document(&'static str),
    /// Text that has this in it.
    Text(&'static str),
    /// The same after reasoning.
    Reasoned(&'static str),
    /// A surface with this id.
    Surface(&'static str),
    /// A failure without any text.
    Fails,
}

/// The tools of examples/dojo, and the one of a page that has its own.
fn tools(of_page: &str) -> Vec<Tool> {
    let text = || json!({"type": "string"});
    let list = |items: Value| json!({"type": "array", "items": items});
    let object = |members: Value| {
        let names: Vec<&String> = members.as_object().unwrap().keys().collect();
        json!({"type": "object", "properties": members, "required": names, "additionalProperties": false})
    };
    let none = || json!({"type": "object", "properties": {}, "additionalProperties": false});
    let ingredient = object(json!({"icon": text(), "name": text(), "amount": text()}));
    let mut improve = object(json!({"ingredient": ingredient}));
    improve["required"] = json!([]);
    let step = object(
        json!({"description": text(), "status": {"type": "string", "enum": ["enabled", "disabled", "executing"]}}),
    );
    let planned =
        json!({"type": "object", "properties": {"description": text()}, "required": ["description"]});
    let mut tools = vec![
        tool("get_weather", object(json!({"location": text()}))),
        tool("get_account", none()),
        tool("schedule_meeting", object(json!({"topic": text()}))),
        tool("improve_recipe", improve),
        tool(
            "create_recipe",
            object(json!({"title": text(), "ingredients": list(ingredient), "instructions": list(text())})),
        ),
        tool("work_through", object(json!({"steps": list(planned)}))),
        tool("search_flights", object(json!({"from": text(), "to": text()}))),
        tool("search_hotels", object(json!({"place": text()}))),
        tool("sales_report", none()),
    ];
    tools.extend(match of_page {
        "agentic_chat" => Some(tool("change_background", object(json!({"background": text()})))),
        "human_in_the_loop" => Some(tool("generate_task_steps", object(json!({"steps": list(step)})))),
        "a2ui_dynamic_schema" => Some(render_a2ui()),
        "predictive_state_updates" => Some(tool("write_document", object(json!({"document": text()})))),
        "tool_based_generative_ui" => Some(tool(
            "generate_haiku",
            object(json!({
                "japanese": list(text()),
                "english": list(text()),
                "image_name": text(),
                "gradient": text(),
            })),
        )),
        _ => None,
    });
    tools
}

/// The tool with which CopilotKit's runtime offers A2UI, with its schema.
fn render_a2ui() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {
            "surfaceId": {"type": "string"},
            "components": {"type": "array", "items": {"type": "object"}},
            "data": {"type": "object"},
        },
        "required": ["surfaceId", "components"],
    });
    tool("render_a2ui", schema)
}

#[test]
fn every_suggested_prompt_works() {
    use ExpectedTurn::{Call, Document, Fails, Reasoned, Steps, Surface, Text};

    let background = |value: &str| Call("change_background", json!({"background": value}));
    let weather = |city: &str| Call("get_weather", json!({"location": city}));
    let meeting = |topic: &str| Call("schedule_meeting", json!({"topic": topic}));
    let more = |icon: &str, name: &str, amount: &str| {
        Call("improve_recipe", json!({"ingredient": {"icon": icon, "name": name, "amount": amount}}))
    };
    let haiku = || Call("generate_haiku", crate::model::demo::texts::haiku_arguments(0));
    let pasta = || Call("create_recipe", crate::model::demo::texts::pasta_recipe());
    for (page, prompt, wanted) in [
        // The suggestions on the pages.
        (
            "agentic_chat",
            "Change the background to something new.",
            background("linear-gradient(135deg, #134e5e 0%, #71b280 100%)"),
        ),
        ("agentic_chat", "Write a short sonnet about AI.", Reasoned("fourteen lines")),
        ("backend_tool_rendering", "What's the weather like in San Francisco?", weather("San Francisco")),
        ("backend_tool_rendering", "Tell me about the weather in New York.", weather("New York")),
        ("backend_tool_rendering", "How's the weather in Tokyo today?", weather("Tokyo")),
        ("human_in_the_loop", "Please plan a trip to mars in 5 steps.", Steps("generate_task_steps", 5)),
        ("human_in_the_loop", "Please plan a pasta dish in 10 steps.", Steps("generate_task_steps", 10)),
        ("agentic_generative_ui", "Please build a plan to go to mars in 5 steps.", Steps("work_through", 5)),
        (
            "agentic_generative_ui",
            "Please build a plan to go to make pizza in 10 steps.",
            Steps("work_through", 10),
        ),
        (
            "interrupt",
            "Book an intro call with the sales team to discuss pricing.",
            meeting("Book an intro call with the sales team to discuss pricing"),
        ),
        (
            "interrupt",
            "Schedule a 1:1 with Alice next week to review Q2 goals.",
            meeting("Schedule a 1:1 with Alice next week to review Q2 goals"),
        ),
        (
            "predictive_state_updates",
            "Please write a story about a pirate named Candy Beard.",
            Document("a pirate named Candy Beard"),
        ),
        (
            "predictive_state_updates",
            "Please write a story about a mermaid named Luna.",
            Document("a mermaid named Luna"),
        ),
        ("predictive_state_updates", "Please add a character named Courage.", Document("Courage")),
        ("shared_state", "Create a delicious Italian pasta recipe.", pasta()),
        ("shared_state", "Make the recipe healthier with more vegetables.", more("🥕", "Carrots", "2")),
        ("shared_state", "Suggest some creative variations of this recipe.", more("🌿", "Basil", "1 bunch")),
        ("tool_based_generative_ui", "Write me a haiku about nature.", haiku()),
        ("tool_based_generative_ui", "Create a haiku about the ocean.", haiku()),
        ("tool_based_generative_ui", "Generate a haiku about spring.", haiku()),
        (
            "agentic_chat_multimodal",
            "Describe what you see in the image I upload.",
            Text("no picture in your message"),
        ),
        (
            "agentic_chat_multimodal",
            "What objects can you identify in this photo?",
            Text("no picture in your message"),
        ),
        (
            "a2ui_fixed_schema",
            "Find flights from SFO to JFK for next Tuesday.",
            Call("search_flights", json!({"from": "SFO", "to": "JFK"})),
        ),
        (
            "a2ui_fixed_schema",
            "Find hotels in downtown Manhattan for next weekend.",
            Call("search_hotels", json!({"place": "downtown Manhattan"})),
        ),
        (
            "a2ui_dynamic_schema",
            "Compare 3 luxury hotels in different cities with ratings and prices.",
            Surface("hotel-comparison"),
        ),
        (
            "a2ui_dynamic_schema",
            "Compare 3 wireless headphones with prices, ratings, and descriptions.",
            Surface("product-comparison"),
        ),
        (
            "a2ui_dynamic_schema",
            "Show a team of 4 people with their roles, departments, and contact info.",
            Surface("team-roster"),
        ),
        // The messages of the dojo's browser tests.
        ("agentic_chat", "Hi, I am duaa", Text("Hello duaa!")),
        ("agentic_chat", "Hey there", Text("Hello!")),
        ("human_in_the_loop", "Hi", Text("Hello!")),
        ("error_flow", "trigger error", Fails),
        ("agentic_chat", "Hi, change the background color to blue", background("blue")),
        ("agentic_chat_reasoning", "What is the best car to buy?", Reasoned("I have thought about it")),
        (
            "human_in_the_loop",
            "Give me a plan to make brownies, there should be only one step with eggs",
            Steps("generate_task_steps", 3),
        ),
        (
            "human_in_the_loop",
            "Plan a mission to Mars with the first step being Start The Planning",
            Steps("generate_task_steps", 3),
        ),
        // What the documentation of examples/dojo suggests beside them.
        ("a2ui_dynamic_schema", "Show a flight card", Surface("flight-card")),
        ("a2ui_dynamic_schema", "Show a dashboard", Surface("dashboard")),
        ("a2ui_fixed_schema", "Show a dashboard", Text("You said: Show a dashboard")),
        ("parts", "Show the sales report", Call("sales_report", json!({}))),
        ("stop", "Write a long text", Text("This is sentence 60 of 60.")),
        ("agentic_generative_ui", "Go to Mars", Steps("work_through", 3)),
        (
            "predictive_state_updates",
            "Give me a story about a dragon called Atlantis in document",
            Document("a dragon called Atlantis came"),
        ),
        (
            "predictive_state_updates",
            "Give me a story for a dragon called Atlantis in document",
            Document("a dragon called Atlantis came"),
        ),
        ("agentic_generative_ui", "give me a plan to make brownies", Steps("work_through", 3)),
        (
            "shared_state",
            "Please give me a pasta recipe of your choosing, but one of the ingredients should be Pasta",
            pasta(),
        ),
        ("tool_based_generative_ui", "Generate Haiku for \"I will always win\"", haiku()),
    ] {
        let played = play_message(prompt, &tools(page));
        let (name, arguments) = played.calls.first().cloned().unwrap_or_default();
        match wanted {
            Call(tool, expected) => assert_eq!((name.as_str(), arguments), (tool, expected), "{prompt}"),
            Steps(tool, count) => {
                assert_eq!(
                    (name.as_str(), arguments["steps"].as_array().unwrap().len()),
                    (tool, count),
                    "{prompt}"
                );
            }
            Document(text) => {
                assert_eq!(name, "write_document", "{prompt}");
                assert!(arguments["document"].as_str().unwrap().contains(text), "{prompt}: {arguments}");
            }
            Surface(id) => {
                assert_eq!((name.as_str(), &arguments["surfaceId"]), ("render_a2ui", &json!(id)), "{prompt}");
                let has_cards = !arguments["data"]["cards"].as_array().unwrap().is_empty();
                assert!(has_cards && arguments["components"][0]["id"] == "root", "{prompt}: {arguments}");
            }
            Fails => {
                assert_eq!(played, super::ScriptedTurn { fails: true, ..Default::default() }, "{prompt}");
            }
            Text(text) => assert!(played.text.contains(text), "{prompt}: {}", played.text),
            Reasoned(text) => {
                assert!(!played.reasoning.is_empty(), "{prompt}");
                assert!(played.text.contains(text), "{prompt}: {}", played.text);
            }
        }
        assert!(played.calls.len() <= 1, "{prompt}");
    }
}

#[test]
fn an_image_is_mentioned_but_not_described() {
    let describe = "Describe what you see in the image I upload.";
    let sent = request(vec![Turn::User(vec![text_part(describe), image_part()])], &[]);
    assert!(play_turn(&sent).text.starts_with("I got a picture. A script cannot see what is in it. "));
}

#[test]
fn an_existing_document_is_changed() {
    let tools = tools("predictive_state_updates");
    let written = play_message("Give me a story about a dragon called Atlantis in document", &tools).calls;
    let call = Call {
        id: "call_1".into(),
        name: "write_document".into(),
        arguments: written[0].1.to_string(),
        signature: None,
    };
    let history = |text: &str| {
        vec![
            Turn::User(vec![text_part("Write it")]),
            Turn::Assistant { reasoning: Vec::new(), text: String::new(), calls: vec![call.clone()] },
            Turn::Results(vec![CallResult { id: "call_1".into(), content: Content::Text("{}".into()) }]),
            Turn::User(vec![text_part(text)]),
        ]
    };
    let document = |text: &str| {
        let played = play_turn(&request(history(text), &tools));
        played.calls[0].1["document"].as_str().unwrap().to_owned()
    };
    let renamed = document("Change dragon name to Lola");
    assert!(renamed.contains("a dragon called Lola set off") && !renamed.contains("Atlantis"), "{renamed}");
    let longer = document("Please add a character named Courage.");
    assert!(longer.contains("called Atlantis") && longer.ends_with("Then Courage came along."), "{longer}");
}

#[test]
fn a_plan_has_the_steps_that_the_user_names() {
    let tools = tools("human_in_the_loop");
    let first_steps = |message: &str| {
        let played = play_message(message, &tools).calls;
        let steps = played[0].1["steps"].as_array().unwrap().clone();
        steps.iter().map(|step| step["description"].as_str().unwrap().to_owned()).take(2).collect::<Vec<_>>()
    };
    assert_eq!(
        first_steps(
            "Give me a plan to make brownies, with one step with eggs and one step with oven, please"
        ),
        ["The part with eggs", "The part with oven"]
    );
    assert_eq!(
        first_steps("Plan a mission to Mars with the first step being Start The Planning"),
        ["Start The Planning", "Pack the bag"]
    );
}

#[test]
fn earlier_messages_and_shared_state_are_read() {
    let user_turn = |text: &str| Turn::User(vec![text_part(text)]);
    let favorite = "Can you remind me what my favorite fruit is?";
    let history = vec![user_turn("My favorite fruit is Mango. I like it."), user_turn(favorite)];
    assert!(play_turn(&request(history, &[])).text.starts_with("Your favorite fruit is Mango. "));
    assert!(play_turn(&request(vec![user_turn(favorite)], &[])).text.starts_with("You said: "));

    let state = json!({"recipe": {"ingredients": [{"name": "Potatoes", "amount": "12"}, {"name": "Salt", "amount": ""}]}});
    let framed = format!("<client_state>\nThe state.\n{state}\n</client_state>");
    let parts = vec![UserPart::ClientContext(framed), text_part("Please list all of the ingredients")];
    let listed = play_turn(&request(vec![Turn::User(parts)], &[])).text;
    assert!(listed.starts_with("The recipe has 12 Potatoes, Salt. "), "{listed}");
}

#[test]
fn poems_alternate() {
    let tools = tools("tool_based_generative_ui");
    let first = play_message("Write a haiku", &tools).calls.remove(0);
    let call = Call { id: "call_1".into(), name: first.0, arguments: first.1.to_string(), signature: None };
    let history = vec![
        Turn::User(vec![text_part("Write a haiku")]),
        Turn::Assistant { reasoning: Vec::new(), text: String::new(), calls: vec![call] },
        Turn::Results(vec![CallResult { id: "call_1".into(), content: Content::Text("{}".into()) }]),
        Turn::User(vec![text_part("Write a haiku")]),
    ];
    let second = play_turn(&request(history, &tools)).calls.remove(0);
    assert_ne!(first.1["japanese"], second.1["japanese"]);
}

#[test]
fn surface_id_is_written_before_the_components() {
    let message = Turn::User(vec![text_part("Show a dashboard")]);
    let deltas = next_turn(&request(vec![message], &[render_a2ui()])).into_steps();
    let pieces: Vec<String> = deltas
        .into_iter()
        .filter_map(|step| match step {
            Step::Emit(Delta::ToolArgs { json, .. }) => Some(json),
            _ => None,
        })
        .collect();
    let text = pieces.concat();
    assert!(pieces.len() > 20, "{} pieces", pieces.len());
    assert!(text.starts_with(r#"{"surfaceId":"dashboard","components":["#), "{text}");
    assert!(text.find(r#""components""#) < text.find(r#""data""#), "{text}");
}
