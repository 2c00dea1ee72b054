//! A Lambda function for tests only: its model follows the command in the user's last message.
//!
//! Nothing here depends on timing. A run or a tool that has to wait waits for the test at a gate: a connection to an address in
//! the message, which is open until the test closes it.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod approval_tools;
mod event_tools;
mod restricted_tools;

use std::process::ExitCode;
use std::sync::LazyLock;

use ag_ui_lambda::model::{Delta, ModelError, ModelErrorKind, Request, Script, Scripted, Turn, UserPart};
use ag_ui_lambda::protocol::{ContentPart, PartKind, TokenUsage};
use ag_ui_lambda::{Agent, Config, NoArgs, ToolContext, ToolError, lambda, tool_fn};
use serde::Serialize;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use restricted_tools::Visitor;

/// The cause of the failures of model and tool. Tests check that it reaches only the log.
const CAUSE: &str = "planted-cause-5c81";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(serve()).await
}

/// Builds the agent and serves it.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let agent = Agent::builder(Scripted::new(turn))
        .tool(tool_fn("meet", "Ends once two calls of it are under way.", meet))
        .tool(tool_fn("explode", "Panics.", explode))
        .tool(tool_fn("leak", "Fails with a cause.", leak))
        .tool(tool_fn("regret", "Refuses with a cause.", regret))
        .tool(tool_fn("list", "Returns 20 MB.", list))
        .limits(config.limits);
    let mut agent =
        config.client.apply(approval_tools::tools(restricted_tools::tools(event_tools::tools(agent))));
    if let Some(settings) = &config.approvals {
        agent = agent.approvals(lambda::approvals(settings)?);
        // With an approval key the agent requires signed results and emits a snapshot of the messages.
        if !is_plain() {
            agent = agent.require_signed_results(true).emit_messages_snapshot(true);
        }
    }
    let second = Agent::builder(Scripted::new(|_| Script::new().text("the second agent"))).build()?;
    let endpoint = lambda::endpoint(&config, agent.build()?, |claims| Ok(Visitor::from_claims(claims)))?
        .agent_at("/second", second)
        .build()?;
    Ok(lambda::serve_endpoint(endpoint, &config.entry_points).await?)
}

/// Whether the agent keeps its default settings.
#[expect(clippy::disallowed_methods, reason = "no variable of the product asks for this")]
fn is_plain() -> bool {
    std::env::var_os("TEST_PLAIN_AGENT").is_some()
}

/// Returns the model's turn. For a message `this then that`, the first command answers the user, and the second one the results.
fn turn(request: &Request) -> Script {
    let text = last_words(request);
    let (first, then) = text.split_once(" then ").map_or((&*text, None), |(first, then)| (first, Some(then)));
    match (request.history.last(), then) {
        (Some(Turn::Results(_)), None) => Script::new().text("Done"),
        (Some(Turn::Results(_)), Some(then)) => says(request, then),
        _ => says(request, first),
    }
}

/// Returns the last text of the user. Messages that were not answered are in one turn with the last one.
fn last_words(request: &Request) -> String {
    let text = request.history.iter().rev().find_map(|turn| match turn {
        Turn::User(parts) => Some(parts),
        _ => None,
    });
    let mut texts = text.into_iter().flatten().rev().filter_map(|part| match part {
        UserPart::Content(ContentPart { kind: PartKind::Text { text }, .. }) => Some(text.clone()),
        _ => None,
    });
    texts.next().unwrap_or_default()
}

/// Returns the turn for a command in the user's message.
fn says(request: &Request, text: &str) -> Script {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["gate", address] => {
            ["two ", "three "].into_iter().fold(Script::new().text("one "), |script, word| {
                script.wait_for(pass((*address).to_owned())).text(word)
            })
        }
        ["wait"] => Script::new().text("I wait").wait_for(std::future::pending()),
        ["panic"] => Script::new().text("I ").wait_for(async { panic!("on purpose") }),
        ["log", ..] => {
            tracing::info!(text, "on purpose");
            Script::new().text("Done")
        }
        ["flood", deltas, bytes] => {
            let delta = "a".repeat(bytes.parse().unwrap());
            (0..deltas.parse().unwrap()).fold(Script::new(), |script, _: u32| script.text(&delta))
        }
        ["buy"] => approval_tools::buying(),
        ["deliberate"] => approval_tools::long_turn(),
        ["babble", bytes] => {
            let text = "a".repeat(bytes.parse().unwrap());
            Script::new().call("call_1", "look", &json!({ "text": text }))
        }
        ["use", tokens] => {
            let used = TokenUsage { total_tokens: Some(tokens.parse().unwrap()), ..TokenUsage::default() };
            Script::new().call("call_1", "look", &json!({})).usage(used)
        }
        ["cost", tokens] => {
            let used = TokenUsage { total_tokens: Some(tokens.parse().unwrap()), ..TokenUsage::default() };
            Script::new().text("Done").usage(used)
        }
        ["recall"] => match results(request).join(" | ") {
            none if none.is_empty() => Script::new().text("nothing"),
            results => Script::new().text(results),
        },
        ["fail"] => Script::new().text("I ").fail(ModelError::new(ModelErrorKind::Refused, CAUSE)),
        ["spend", amount] => {
            let amount: u32 = amount.parse().unwrap();
            Script::new().call("call_1", "spend", &json!({ "amount": amount }))
        }
        ["hold", address] => Script::new().call("call_1", "hold", &json!({ "address": address })),
        ["edit", seed] => Script::new().call(&format!("call_{seed}"), "edit", &json!({ "seed": seed })),
        ["write", ..] => {
            let json = json!({ "document": text }).to_string();
            let pieces: Vec<&str> = json.split_inclusive(' ').collect();
            Script::new().call_in_pieces("call_1", "write", &pieces)
        }
        ["reason", tool] => Script::new()
            .reasoning("Hm.")
            .delta(Delta::ReasoningSignature("c2ln".into()))
            .words("Let me see.")
            .call("call_r", tool, &json!({}))
            .call("call_s", tool, &json!({})),
        ["call", tools @ ..] => tools.iter().zip(1..).fold(Script::new(), |script, (tool, number)| {
            script.call(&format!("call_{number}"), tool, &json!({}))
        }),
        _ => Script::new().text("Hello"),
    }
}

/// Returns the texts of all results in the request.
fn results(request: &Request) -> Vec<String> {
    let results = request.history.iter().filter_map(|turn| match turn {
        Turn::Results(results) => Some(results),
        _ => None,
    });
    results.flatten().map(|result| result.content.text()).collect()
}

/// Waits until the test, which listens at this address, closes the connection.
pub(crate) async fn pass(address: String) {
    let mut gate = TcpStream::connect(address).await.unwrap();
    let _end = gate.read_u8().await;
}

/// Waits for a second call of this tool.
async fn meet(_: ToolContext<Visitor>, _: NoArgs) -> Result<&'static str, ToolError> {
    static BOTH: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));
    BOTH.wait().await;
    Ok("met")
}

/// Panics.
async fn explode(_: ToolContext<Visitor>, _: NoArgs) -> Result<(), ToolError> {
    panic!("on purpose")
}

/// Fails with a cause that must not reach the client.
async fn leak(_: ToolContext<Visitor>, _: NoArgs) -> Result<(), ToolError> {
    Err(std::io::Error::other(CAUSE).into())
}

/// Refuses with a sentence for the client, and a cause that must not reach it.
async fn regret(_: ToolContext<Visitor>, _: NoArgs) -> Result<(), ToolError> {
    Err(ToolError::refused_because("Not today.", std::io::Error::other(CAUSE)))
}

/// A row of a long list.
#[derive(Clone, Serialize)]
struct Row {
    text: &'static str,
}

/// Returns a list whose JSON text has 20 MB.
async fn list(_: ToolContext<Visitor>, _: NoArgs) -> Result<Vec<Row>, ToolError> {
    let row = Row { text: "a row of a list, with forty bytes or so" };
    Ok(vec![row; 400_000])
}
