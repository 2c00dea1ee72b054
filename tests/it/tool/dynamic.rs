//! Tools whose schema is known only at run time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::model::{Model, Script, Scripted};
use ag_ui_lambda::tool::{DynTool, ToolContext};
use serde_json::{Value, json};

use super::authorize::{NO_SUCH_TOOL, Person, available_tools, input, person, result, run, user};
use crate::support::provider_model::provider_model;
use crate::support::scenario::{Caller, scenario};

const DESCRIPTION: &str = "Moves stock between two shops.";

/// What a tool was called with.
type Calls = Arc<Mutex<Vec<Value>>>;

/// Returns the definition of a tool, as an MCP server lists it.
fn listed() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {"item": {"type": "string", "pattern": "^[A-Z]-[0-9]+$"}, "count": {"type": "integer", "maximum": 500}},
        "required": ["item", "count"],
        "additionalProperties": false,
    });
    json!({"name": "move_stock", "description": DESCRIPTION, "inputSchema": schema})
}

/// Returns the tool of a definition, which records its calls.
fn tool_of<C: Send + Sync + 'static>(listed: &Value, calls: &Calls) -> DynTool<C> {
    let text = |member: &str| listed[member].as_str().unwrap().to_owned();
    let calls = Arc::clone(calls);
    DynTool::new(text("name"), text("description"), listed["inputSchema"].clone(), move |_, args| {
        calls.lock().unwrap().push(args.clone());
        async move { Ok(json!({"moved": args["count"]})) }
    })
}

/// Returns an agent with the tool of [`listed`], which needs a permission, and from 100 pieces on an approval.
fn agent(model: impl Model, calls: &Calls) -> Agent<Person> {
    let tool = tool_of::<Person>(&listed(), calls)
        .needs_permission("stock:write")
        .needs_approval_if(|_, args| args["count"].as_u64() >= Some(100))
        .approval_message(|_, args| format!("Move {} pieces of {}?", args["count"], args["item"]));
    let key = "0123456789abcdef0123456789abcdef";
    let approvals = Approvals::new(ApprovalKeys::literal(key.into()).unwrap());
    Agent::builder(model).tool(tool).approvals(approvals).anonymous_approvals(true).build().unwrap()
}

#[tokio::test]
async fn dynamic_tool_is_checked_authorized_and_approved_on_each_wire() {
    let keeper = person(["permission:stock:write"]);
    for wire in Wire::ALL {
        let provider = Provider::start().await.unwrap();
        let calls = Calls::default();
        let agent = agent(provider_model(wire, &provider.url()), &calls);
        let turn = |part: TurnPart| Reply::stream(wire, &[part]);
        let call = |id: &str, arguments: &Value| {
            turn(TurnPart::call(id, "move_stock", [arguments.to_string().as_str()]))
        };
        let done = || turn(TurnPart::text("Done."));
        let start = || input(json!([user()]), json!([]));

        // The model corrects arguments that do not fit.
        let (unfitting, fitting) =
            (json!({"item": "B-1", "count": "two"}), json!({"item": "B-1", "count": 2}));
        provider.queue([call("c1", &unfitting), call("c2", &fitting), done()]);
        let events = run(&agent, &keeper, start()).await;
        let results: Vec<&Value> =
            events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT").collect();
        let problem = results[0]["content"].as_str().unwrap();
        assert!(problem.contains("do not fit") && problem.contains("/count"), "{wire:?}: {problem}");
        assert_eq!(results[1]["content"], r#"{"moved":2}"#, "{wire:?}");
        assert_eq!(std::mem::take(&mut *calls.lock().unwrap()), [fitting], "{wire:?}");
        let requests = provider.requests();
        assert_eq!(requests.len(), 3, "{wire:?}");
        assert!(
            requests
                .iter()
                .all(|asked| asked.rejection.is_none() && asked.body.to_string().contains(DESCRIPTION))
        );

        // For a caller without the permission it does not exist.
        provider.queue([call("c1", &json!({"item": "B-1", "count": 2})), done()]);
        let events = run(&agent, &person([]), start()).await;
        assert_eq!(result(&events), NO_SUCH_TOOL, "{wire:?}");
        assert!(provider.requests()[3..].iter().all(|asked| !asked.body.to_string().contains(DESCRIPTION)));
        assert_eq!(available_tools(&agent, &person([])), [] as [&str; 0], "{wire:?}");

        // A large move waits until a person approves it.
        let large = json!({"item": "B-1", "count": 200});
        provider.queue([call("c1", &large)]);
        let events = run(&agent, &keeper, start()).await;
        let interrupt = &events.last().unwrap()["outcome"]["interrupts"][0];
        assert_eq!(interrupt["message"], r#"Move 200 pieces of "B-1"?"#, "{wire:?}");
        assert_eq!(*calls.lock().unwrap(), [] as [Value; 0], "{wire:?}");
        let function = json!({"name": "move_stock", "arguments": large.to_string()});
        let waiting = json!({"id": interrupt["toolCallId"], "type": "function", "function": function});
        let messages = json!([user(), {"id": "a1", "role": "assistant", "toolCalls": [waiting]}]);
        let approval =
            json!({"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}});
        provider.queue([done()]);
        let events = run(&agent, &keeper, input(messages, json!([approval]))).await;
        assert_eq!(result(&events), r#"{"moved":200}"#, "{wire:?}");
        assert_eq!(*calls.lock().unwrap(), [large], "{wire:?}");
    }
}

#[tokio::test]
async fn integral_float_is_an_integer_for_rules_and_function() {
    let calls = Calls::default();
    let large = json!({"item": "B-1", "count": 200.0});
    let script = [Script::new().call("c1", "move_stock", &large), Script::new().text("Done.")];
    let agent = agent(Scripted::turns(script), &calls);
    let keeper = person(["permission:stock:write"]);

    let events = run(&agent, &keeper, input(json!([user()]), json!([]))).await;
    let interrupt = &events.last().unwrap()["outcome"]["interrupts"][0];
    assert_eq!(interrupt["message"], r#"Move 200 pieces of "B-1"?"#);
    let function = json!({"name": "move_stock", "arguments": large.to_string()});
    let waiting = json!({"id": interrupt["toolCallId"], "type": "function", "function": function});
    let messages = json!([user(), {"id": "a1", "role": "assistant", "toolCalls": [waiting]}]);
    let approval =
        json!({"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}});
    let events = run(&agent, &keeper, input(messages, json!([approval]))).await;

    assert_eq!(result(&events), r#"{"moved":200}"#);
    assert_eq!(*calls.lock().unwrap(), [json!({"item": "B-1", "count": 200})]);
}

#[tokio::test]
async fn function_gets_only_objects() {
    for arguments in [json!([]), json!("text"), json!(7)] {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let schema = json!({"type": "object"});
        let tool = DynTool::new("anything", "Takes any object.", schema, move |_: ToolContext<Caller>, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        });

        let run = scenario([Script::new().call("c1", "anything", &arguments), Script::new()])
            .with_agent(|agent| agent.tool(tool))
            .run()
            .await;

        assert!(
            result(&run.events).contains("do not fit the schema"),
            "{arguments}: {}",
            result(&run.events)
        );
        assert_eq!(runs.load(Ordering::Relaxed), 0, "{arguments}");
    }
}

#[test]
fn build_names_the_tool_that_cannot_be_used() {
    let build = |member: &str, value: Value| {
        let mut listed = listed();
        listed[member] = value;
        let tool = tool_of::<Caller>(&listed, &Calls::default());
        Agent::builder(Scripted::turns([])).tool(tool).build().unwrap_err().to_string()
    };

    assert_eq!(
        build("name", json!("move stock")),
        r#"tool name "move stock" must be 1 to 64 ASCII letters, digits, `_` and `-`"#
    );
    for (why, schema) in [
        ("not a schema", json!("item")),
        ("a schema of anything", json!(true)),
        ("no type", json!({"properties": {"item": {"type": "string"}}})),
        ("another type", json!({"type": "array"})),
        ("an unknown type", json!({"type": "object", "properties": {"item": {"type": "text"}}})),
        (
            "a pattern that does not compile",
            json!({"type": "object", "properties": {"item": {"pattern": "("}}}),
        ),
        (
            "another document",
            json!({"type": "object", "properties": {"item": {"$ref": "https://schema.example/item"}}}),
        ),
    ] {
        let problem = build("inputSchema", schema);
        assert!(
            problem.starts_with(r#"the arguments of tool "move_stock" have no usable schema: "#),
            "{why}: {problem}"
        );
    }
}
