//! The demo script's turns: which tools it calls with which arguments, and what it writes.

mod dojo;
mod schemas;

use serde_json::{Value, json};

use super::next_turn;
use super::texts::DISCLAIMER;
use crate::model::scripted::Step;
use crate::model::{Call, CallResult, Delta, ModelSettings, Request, ToolChoice, Turn, UserPart};
use crate::protocol::{Content, ContentPart, PartKind, Source, Tool};

/// A turn of the script.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ScriptedTurn {
    pub(super) reasoning: String,
    pub(super) text: String,
    pub(super) calls: Vec<(String, Value)>,
    /// Whether the turn ends in a failure.
    pub(super) fails: bool,
}

/// Returns a tool with this name and schema.
pub(super) fn tool(name: &str, parameters: Value) -> Tool {
    Tool { name: name.into(), description: String::new(), parameters: Some(parameters), metadata: None }
}

/// Returns a text part of a user's message.
pub(super) fn text_part(text: &str) -> UserPart {
    UserPart::Content(ContentPart { kind: PartKind::Text { text: text.into() }, id: None, metadata: None })
}

/// Returns an image part of a user's message.
pub(super) fn image_part() -> UserPart {
    let source = Source::Data { value: "aGk=".into(), mime_type: "image/png".into() };
    UserPart::Content(ContentPart { kind: PartKind::Image { source }, id: None, metadata: None })
}

/// Returns a request with this history and these tools.
pub(super) fn request(history: Vec<Turn>, tools: &[Tool]) -> Request {
    Request { instructions: None, history, tools: tools.into(), settings: ModelSettings::default() }
}

/// Plays the turn for a request, and joins its deltas.
pub(super) fn play_turn(request: &Request) -> ScriptedTurn {
    let mut turn = ScriptedTurn::default();
    let mut arguments: Vec<(String, String)> = Vec::new();
    for step in next_turn(request).into_steps() {
        match step {
            Step::Emit(Delta::Reasoning(text)) => turn.reasoning.push_str(&text),
            Step::Emit(Delta::Text(text)) => turn.text.push_str(&text),
            Step::Emit(Delta::ToolCall { name, .. }) => arguments.push((name, String::new())),
            Step::Emit(Delta::ToolArgs { json, .. }) => arguments.last_mut().unwrap().1.push_str(&json),
            Step::Fail(_) => turn.fails = true,
            _ => {}
        }
    }
    let parsed = arguments.into_iter().map(|(name, json)| (name, serde_json::from_str(&json).unwrap()));
    turn.calls = parsed.collect();
    turn
}

/// Plays the turn for a message of the user.
pub(super) fn play_message(text: &str, tools: &[Tool]) -> ScriptedTurn {
    play_turn(&request(vec![Turn::User(vec![text_part(text)])], tools))
}

#[test]
fn turn_without_a_message_calls_the_required_tool() {
    let schema =
        json!({"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]});
    let note = vec![Turn::User(vec![UserPart::Note("(Give the result.)".into())])];
    let mut asked = request(note, &[tool("final_result", schema)]);
    assert_eq!(play_turn(&asked).calls, []);

    asked.settings.tool_choice = ToolChoice::Tool("final_result".into());
    let [(name, arguments)] = play_turn(&asked).calls.try_into().unwrap();
    assert_eq!(name, "final_result");
    assert!(arguments["count"].is_i64(), "{arguments}");
}

/// Returns the tools of a shop, with schemas.
fn shop_tools() -> Vec<Tool> {
    let order = json!({"type": "string", "description": "Number of the order, e.g. `A-17`."});
    vec![
        tool(
            "find_order",
            json!({"type": "object", "properties": {"order": order}, "required": ["order"], "additionalProperties": false}),
        ),
        tool(
            "refund_order",
            json!({
                "type": "object",
                "properties": {
                    "order_id": {"type": "string"},
                    "amount": {"type": "number", "minimum": 0.01},
                    "reason": {"type": "string"},
                    "notify": {"type": "boolean"},
                    "speed": {"enum": ["slow", "fast"]},
                },
                "required": ["order_id", "amount"],
            }),
        ),
        tool("listStaff", json!({"type": "object"})),
    ]
}

#[test]
fn a_tool_is_called_with_values_of_the_message() {
    let tools = shop_tools();
    for (message, name, arguments) in [
        ("Please find order B-2.", "find_order", json!({"order": "B-2"})),
        ("find order 1234", "find_order", json!({"order": "1234"})),
        ("find the order? Find order!", "find_order", json!({"order": "A-17"})),
        ("FIND-ORDER \"two words\"", "find_order", json!({"order": "two words"})),
        ("list staff", "listStaff", json!({})),
        ("refund order 1234 for 20", "refund_order", json!({"order_id": "1234", "amount": 20.0})),
        ("refund order 1234 20.5", "refund_order", json!({"order_id": "1234", "amount": 20.5})),
        ("Can you refund order, amount=7?", "refund_order", json!({"order_id": "order id", "amount": 7})),
        ("refund order of 20", "refund_order", json!({"order_id": "order id", "amount": 20})),
        (
            "refund order orderId: X-1 amount: 3, reason: \"it broke\", notify, speed FAST",
            "refund_order",
            json!({"order_id": "X-1", "amount": 3, "reason": "it broke", "notify": true, "speed": "fast"}),
        ),
        ("refund order X-1 for -5", "refund_order", json!({"order_id": "X-1", "amount": 1})),
    ] {
        let expected = ScriptedTurn { calls: vec![(name.into(), arguments)], ..ScriptedTurn::default() };
        assert_eq!(play_message(message, &tools), expected, "{message}");
    }
}

#[test]
fn a_command_calls_a_tool_or_explains() {
    let tools = shop_tools();
    for (message, calls) in [
        (r#"/refund {"order_id": "7"}"#, vec![("refund_order", json!({"order_id": "7"}))]),
        ("/refund", vec![("refund_order", json!({"order_id": "order id", "amount": 1}))]),
        ("/refund amount=2 X-3", vec![("refund_order", json!({"order_id": "X-3", "amount": 2}))]),
        ("/list staff", vec![("listStaff", json!({}))]),
        ("/order", vec![]),
        (r#"/refund {"order_id": }"#, vec![]),
        ("/weather in Tokyo", vec![]),
    ] {
        let turn = play_message(message, &tools);
        let expected: Vec<_> =
            calls.into_iter().map(|(name, arguments)| (name.to_owned(), arguments)).collect();
        assert_eq!(turn.calls, expected, "{message}: {}", turn.text);
        assert_eq!(turn.text.ends_with(DISCLAIMER), expected.is_empty(), "{message}");
    }
}

#[test]
fn an_unfitting_value_is_not_replaced_silently() {
    let text = play_message("refund order X-1 amount=-3", &shop_tools()).text;
    assert_eq!(
        text,
        format!(
            "I cannot make the arguments of refund_order at /amount: The value in the message does not fit its \
             schema. Write them yourself: /refund_order {{...}}. {DISCLAIMER}"
        )
    );
}

#[test]
fn a_tool_that_is_not_on_offer_is_never_called() {
    for message in [
        "What is the weather in Tokyo?",
        "who am I",
        "refund order 1234 for 20",
        "change the background to teal",
        "write a haiku",
        "make a plan",
        "find order 7",
        "/find_order {}",
        "/find",
    ] {
        let turn = play_message(message, &[tool("unrelated", json!({"type": "object"}))]);
        assert_eq!(turn.calls, [], "{message}");
        assert!(turn.text.ends_with(DISCLAIMER), "{message}: {}", turn.text);
    }
}

#[test]
fn a_phrase_uses_the_next_tool_on_offer() {
    let tools = [tool("plan_trip", json!({"type": "object"}))];
    assert_eq!(play_message("plan trip", &tools).calls, [("plan_trip".into(), json!({}))]);
    let tools = [tool("fail_job", json!({"type": "object"}))];
    assert_eq!(play_message("fail job", &tools).calls, [("fail_job".into(), json!({}))]);
}

#[test]
fn a_phrases_arguments_fit_the_tools_schema() {
    let schema = json!({
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
        "required": ["location", "unit"],
        "additionalProperties": false,
    });
    let turn = play_message("weather in Tokyo", &[tool("get_weather", schema)]);
    assert_eq!(turn.calls, [("get_weather".into(), json!({"location": "Tokyo", "unit": "C"}))]);
}

#[test]
fn client_context_is_never_repeated() {
    let call = Call { id: "c1".into(), name: "refund_order".into(), arguments: "{}".into(), signature: None };
    let assistant = |text: &str, calls: &[Call]| Turn::Assistant {
        reasoning: Vec::new(),
        text: text.into(),
        calls: calls.to_vec(),
    };
    let result = CallResult { id: "c1".into(), content: Content::Text("refunded".into()) };
    let note =
        || Turn::User(vec![UserPart::ClientContext("frame".into()), UserPart::Note("(Go on.)".into())]);
    let hello = || Turn::User(vec![text_part("Hello")]);
    for (why, history, text) in [
        (
            "an approval that came after the next message",
            vec![
                hello(),
                assistant("", std::slice::from_ref(&call)),
                Turn::Results(vec![result]),
                hello(),
                assistant("Hi", &[]),
                note(),
            ],
            "refund_order answered: refunded ",
        ),
        ("no call", vec![hello(), assistant("Hi", &[]), note()], "I find nothing to answer. "),
    ] {
        assert_eq!(play_turn(&request(history, &[])).text, format!("{text}{DISCLAIMER}"), "{why}");
    }
}
