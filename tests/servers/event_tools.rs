//! Tools that send events while they run, or return more than text.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::protocol::Source;
use ag_ui_lambda::{NoArgs, Parts, ToolContext, ToolError, tool_fn};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::restricted_tools::Visitor;

/// Adds the tools of this file to an agent.
pub(crate) fn tools(agent: AgentBuilder<Visitor>) -> AgentBuilder<Visitor> {
    agent
        .tool(tool_fn("edit", "Edits the state at random and returns it.", edit))
        .tool(tool_fn("survey", "Shows its progress.", survey))
        .tool(tool_fn("hold", "Holds a step open until the test lets go.", hold))
        .tool(tool_fn("chart", "Returns parts.", chart))
        .tool(tool_fn("surface", "Returns an A2UI payload.", surface))
        .tool(tool_fn("write", "Writes the document.", write))
        .predict_state("document", "write", "document")
        .emit_predict_state(true)
}

#[derive(Deserialize, JsonSchema)]
struct Seed {
    seed: String,
}

/// Edits the state at random, and returns it so that the client can compare it with its own.
async fn edit(context: ToolContext<Visitor>, args: Seed) -> Result<Value, ToolError> {
    let mut random = fastrand::Rng::with_seed(args.seed.parse()?);
    let state = context.state();
    for _ in 0..60 {
        state.update(|state| edit_once(state, &mut random)).await;
    }
    Ok(Value::clone(&state.value()))
}

/// Member names. They are few, so that edits meet existing members, and some contain characters that JSON Pointers escape.
const NAMES: [&str; 8] = ["", "a", "b", "0", "-", "a/b", "~1", "é"];

/// Makes one random change.
fn edit_once(state: &mut Value, random: &mut fastrand::Rng) {
    let mut at = state;
    while random.f64() < 0.7 && has_inside(at) {
        at = match at {
            Value::Object(members) => {
                let which = random.usize(..members.len());
                members.values_mut().nth(which).unwrap()
            }
            Value::Array(items) => {
                let which = random.usize(..items.len());
                &mut items[which]
            }
            _ => unreachable!("a leaf has no inside"),
        };
    }
    let name = NAMES[random.usize(..NAMES.len())];
    match at {
        Value::Object(members) if random.f64() < 0.2 => {
            members.remove(name);
        }
        Value::Object(members) => {
            members.insert(name.into(), new(random));
        }
        Value::Array(items) if !items.is_empty() && random.f64() < 0.4 => {
            items.remove(random.usize(..items.len()));
        }
        Value::Array(items) => items.insert(random.usize(..=items.len()), new(random)),
        leaf => *leaf = new(random),
    }
}

/// Whether a value has children.
fn has_inside(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// Returns a random value.
fn new(random: &mut fastrand::Rng) -> Value {
    match random.u8(..6) {
        0 => Value::Null,
        1 => json!({ "a": random.i32(..), "list": [] }),
        2 => json!([random.bool(), "text", { "b": 0.5 }]),
        3 => json!("text that is long enough to be worth a patch"),
        _ => json!(random.u32(..10)),
    }
}

/// Sends an activity, steps and custom events.
async fn survey(context: ToolContext<Visitor>, _: NoArgs) -> Result<&'static str, ToolError> {
    let progress = context.progress();
    let content = json!({ "found": [], "where": ["north", "east", "south", "west"], "is_done": false });
    let mut search = progress.activity("com.acme.search", content).await?;
    for place in ["north", "east"] {
        let step = progress.step(format!("Looking at the {place}")).await;
        search.set("/found/-", place).await?;
        progress.custom("com.acme.found", json!({ "place": place })).await?;
        step.end().await;
    }
    search.set("/is_done", true).await?;
    Ok("Found two.")
}

#[derive(Deserialize, JsonSchema)]
struct Gate {
    address: String,
}

/// Keeps a step open until the test closes the gate.
async fn hold(context: ToolContext<Visitor>, args: Gate) -> Result<&'static str, ToolError> {
    let step = context.progress().step("Holding").await;
    super::pass(args.address).await;
    step.end().await;
    Ok("held")
}

/// Returns a text, an image and a document.
async fn chart(_: ToolContext<Visitor>, _: NoArgs) -> Result<Parts, ToolError> {
    Ok(Parts::new()
        .text("Sales rose.")
        .image(Source::bytes(b"not really a picture", "image/png"))
        .document(Source::url("https://acme.example/report.pdf"))
        .with_metadata(json!({ "title": "Report" })))
}

/// Returns an A2UI payload.
async fn surface(_: ToolContext<Visitor>, _: NoArgs) -> Result<Value, ToolError> {
    let component = json!({ "id": "root", "component": "Text", "text": "Hello" });
    Ok(json!({ "a2ui_operations": [
        { "version": "v0.9", "createSurface": { "surfaceId": "s", "catalogId": "basic" } },
        { "version": "v0.9", "updateComponents": { "surfaceId": "s", "components": [component] } },
    ] }))
}

#[derive(Deserialize, JsonSchema)]
struct Document {
    document: String,
}

/// Writes the document into the shared state.
async fn write(context: ToolContext<Visitor>, args: Document) -> Result<&'static str, ToolError> {
    context.state().set("/document", args.document).await?;
    Ok("written")
}
