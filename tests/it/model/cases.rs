//! Streams from public bug reports, in small files in `tests/cases`. Each is played through the function's binary. The README
//! there describes the format.

mod client;
mod expect;

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::Instant;

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::function::{Reply as Run, TOKEN, local_function, url_event, user_input};
use crate::support::provider::variables;
use client::Client;
use expect::Seen;

#[tokio::test]
async fn every_case_has_its_expected_outcome() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    assert!(files.len() >= 22, "cases are missing");
    let only = std::env::var("CASE").unwrap_or_default();
    files.retain(|path| path.file_stem().is_some_and(|name| name.to_string_lossy().contains(&only)));
    assert!(!files.is_empty(), "no case is named {only:?}");
    files.sort();
    let outcomes = stream::iter(files).map(|path| async move {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let outcome = AssertUnwindSafe(run_case(&case)).catch_unwind().await;
        (name, outcome.unwrap_or_else(|_| Err("panicked, see above".into())))
    });
    let outcomes: Vec<(String, Result<(), String>)> = outcomes.buffer_unordered(4).collect().await;

    let mut faults = Vec::new();
    for (name, outcome) in &outcomes {
        if let Err(why) = outcome {
            faults.push(format!("{name}: {why}"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n\n"));
}

/// Plays a case. An error describes the first difference from the expectation.
async fn run_case(case: &Value) -> Result<(), String> {
    let adapter = case["wire"].as_str().unwrap();
    let (wire, model) = match adapter {
        "chat" => (Wire::OpenAiChat, "openai/m"),
        "openrouter" => (Wire::OpenAiChat, "openrouter/m"),
        "responses" => (Wire::OpenAiResponses, "openai-responses/m"),
        "anthropic" => (Wire::Anthropic, "anthropic/m"),
        "gemini" => (Wire::Gemini, "gemini/m"),
        "ollama" => (Wire::Ollama, "ollama/m"),
        "bedrock" => (Wire::Bedrock, "bedrock/m"),
        "scripted" => (Wire::OpenAiChat, "scripted/demo"),
        other => panic!("no wire {other}"),
    };
    let provider = Provider::start().await.unwrap();
    let turns = case["turns"].as_array().into_iter().flatten();
    provider.queue(turns.map(|turn| model_reply(wire, turn)));

    let mut variables = variables(wire, &provider.url());
    variables.retain(|(name, _)| *name != "AGUI_MODEL");
    variables.push(("AGUI_MODEL", model.to_owned()));
    if adapter == "openrouter" {
        variables.push(("OPENROUTER_API_KEY", "sk-or-test-0123456789".to_owned()));
        variables.push(("OPENROUTER_BASE_URL", format!("{}/v1", provider.url())));
    }
    let env = case["env"].as_object().into_iter().flatten();
    let env = env.map(|(name, value)| (name.as_str(), value.as_str().unwrap().to_owned()));
    let variables: Vec<(&str, String)> = variables.into_iter().chain(env).collect();
    let borrowed: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let function = local_function(&borrowed).await;

    let began = Instant::now();
    let mut client = Client::new(case_input(case));
    let mut run = Run::send(&function, &case_event(case, &client.input)).await;
    for further in case["runs"].as_array().into_iter().flatten() {
        client.apply_run(&run.events);
        client.continue_with(further);
        run = Run::send(&function, &url_event(&[("x-agui-token", TOKEN)], &client.input)).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    function.kill().await;
    let requests = provider.requests();
    Seen { wire, run: &run, requests: &requests, log: &function.logs(), seconds }.check(&case["expect"])
}

/// Returns the provider's reply for a turn of a case.
fn model_reply(wire: Wire, turn: &Value) -> Reply {
    let reply = if let Some(frames) = turn["frames"].as_array() {
        Reply::frames(wire, frames)
    } else if let Some(text) = turn["text"].as_str() {
        Reply::stream(wire, &[TurnPart::text(text)])
    } else {
        let status = turn["status"].as_u64().unwrap();
        Reply::raw(status.try_into().unwrap(), "application/json", turn["json"].to_string())
    };
    match turn["needs"].as_str() {
        Some(text) => reply.if_request_contains(text, model_reply(wire, &turn["else"])),
        None => reply,
    }
}

/// Returns the input of the first run of a case.
fn case_input(case: &Value) -> Value {
    let mut input = user_input(case["say"].as_str().unwrap_or("hi"));
    for (name, value) in case["input"].as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(input.as_object_mut().unwrap().remove(name)),
            value => input[name] = value.clone(),
        }
    }
    input
}

/// Returns the Lambda event of a run of a case.
fn case_event(case: &Value, input: &Value) -> Value {
    let body = case["body"].as_str().map_or_else(|| input.to_string(), ToOwned::to_owned);
    let mut event = match &case["event"] {
        Value::Null => url_event(&[("x-agui-token", TOKEN)], &json!(null)),
        event => event.clone(),
    };
    event["body"] = body.into();
    event["isBase64Encoded"] = false.into();
    event
}
