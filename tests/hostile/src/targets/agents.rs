//! The agent that several targets serve, with tools that change the state, check their arguments, need an approval or ask.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use ag_ui_lambda::agent::{AgentBuilder, FrontendTools};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::auth::Claims;
use ag_ui_lambda::model::Model;
use ag_ui_lambda::{Agent, NoArgs, ToolContext, ToolError, tool_fn};
use bytes::Bytes;
use http::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// The key that signs approvals.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// The time by the clock of approvals, in seconds since the Unix epoch.
const NOW: Duration = Duration::from_secs(1_800_000_000);

/// What the tools did that need an approval or an answer: each has the tool and what it got.
pub(super) type Ledger = Arc<Mutex<Vec<(&'static str, Value)>>>;

/// Creates a runtime in which time passes at once.
pub(super) fn paused_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Creates the request of a signed-in user for a run.
pub(super) fn run_request(body: Vec<u8>) -> Request<Bytes> {
    let mut request =
        Request::post("/").header("content-type", "application/json").body(body.into()).unwrap();
    request.extensions_mut().insert(Claims::from_session("ada"));
    request
}

/// The arguments of `put`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Put {
    /// A JSON Pointer.
    pointer: String,
    value: Option<Value>,
}

/// The arguments of `order`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    #[schemars(regex(pattern = "^[A-Z]-[0-9]{1,5}$"))]
    id: String,
    #[schemars(range(min = 1, max = 10))]
    count: u8,
    kind: Kind,
    #[serde(default)]
    #[schemars(length(max = 5))]
    lines: Vec<Line>,
    price: Option<f64>,
}

/// What is ordered.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Book,
    Shoe { size: u8 },
}

/// A line of an order.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Line {
    text: String,
    /// Lines of lines.
    #[serde(default)]
    lines: Vec<Line>,
}

/// The arguments of `refund`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Refund {
    amount: f64,
}

/// The answer to the question of `ask`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Size {
    #[schemars(range(min = 36, max = 46))]
    size: u8,
}

/// Places a value in the shared state in both ways that a tool has.
async fn put(context: ToolContext<()>, args: Put) -> Result<String, ToolError> {
    let state = context.state();
    let placed = state.set(&args.pointer, &args.value).await;
    state
        .update(|state| {
            if let Some(at) = state.pointer_mut(&args.pointer) {
                *at = json!([at.take()]);
            }
        })
        .await;
    placed?;
    Ok("It is placed.".to_owned())
}

/// Returns its arguments.
async fn order(order: Order) -> Result<Order, ToolError> {
    Ok(order)
}

/// Begins to build an agent that has all tools. Those that need a person write what they did into the ledger.
pub(super) fn agent(model: impl Model, ledger: &Ledger) -> AgentBuilder<()> {
    let (refunds, sizes) = (Arc::clone(ledger), Arc::clone(ledger));
    let refund = move |args: Refund| {
        refunds.lock().unwrap().push(("refund", json!(args)));
        async { Ok::<_, ToolError>("It is refunded.") }
    };
    let ask = move |context: ToolContext<()>, _: NoArgs| {
        let sizes = Arc::clone(&sizes);
        async move {
            let size: Size = context.ask("Which size?")?;
            sizes.lock().unwrap().push(("ask", json!(size)));
            Ok::<_, ToolError>(size)
        }
    };
    let key = ApprovalKeys::literal(KEY.to_owned().into()).unwrap();
    Agent::builder(model)
        .instructions("You look after the orders of a shop.")
        .tool(tool_fn("put", "Places a value in the state.", put))
        .tool(tool_fn("order", "Orders something.", order))
        .tool(tool_fn("refund", "Pays money back.", refund).needs_approval())
        .tool(tool_fn("ask", "Asks for a size.", ask).may_ask())
        .predict_state("draft", "put", "pointer")
        .frontend_tools(FrontendTools::Any)
        .approvals(Approvals::new(key).clock(|| UNIX_EPOCH + NOW))
}
