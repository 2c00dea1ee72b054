//! The prompts that the pages of the AG-UI dojo suggest, those of its own browser tests, and what each leads to.
//!
//! Source: `apps/dojo/src/app/[integrationId]/feature/(v2)/*/page.tsx` and `apps/dojo/e2e` of ag-ui-protocol/ag-ui.

use serde_json::{Value, json};

use super::{image_part, play_message, play_turn, request, text_part, tool};
use crate::model::{Call, CallResult, Turn};
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
    ];
    tools.extend(match of_page {
        "agentic_chat" => Some(tool("change_background", object(json!({"background": text()})))),
        "human_in_the_loop" => Some(tool("generate_task_steps", object(json!({"steps": list(step)})))),
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

#[test]
fn every_suggested_prompt_works() {
    use ExpectedTurn::{Call, Document, Reasoned, Steps, Text};

    let background = |value: &str| Call("change_background", json!({"background": value}));
    let weather = |city: &str| Call("get_weather", json!({"location": city}));
    let meeting = |topic: &str| Call("schedule_meeting", json!({"topic": topic}));
    let more = |icon: &str, name: &str, amount: &str| {
        Call("improve_recipe", json!({"ingredient": {"icon": icon, "name": name, "amount": amount}}))
    };
    let haiku = || Call("generate_haiku", crate::model::demo::texts::haiku_arguments());
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
        // The messages of the dojo's browser tests.
        ("agentic_chat", "Hi, change the background color to blue", background("blue")),
        ("agentic_chat_reasoning", "What is the best car to buy?", Reasoned("I have thought about it")),
        (
            "human_in_the_loop",
            "Give me a plan to make brownies, there should be only one step with eggs",
            Steps("generate_task_steps", 3),
        ),
        ("agentic_generative_ui", "Go to Mars", Steps("work_through", 3)),
        (
            "predictive_state_updates",
            "Give me a story about a dragon called Atlantis in document",
            Document("a dragon called Atlantis came"),
        ),
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
