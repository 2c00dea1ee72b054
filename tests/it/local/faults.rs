//! The faults that `ag-ui-dev` can cause in a function.

use std::fs;
use std::path::{Path, PathBuf};

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use serde_json::{Value, json};

use super::{Json as _, Server, events_of, who_am_i};
use crate::support::function::user_input;
use crate::support::provider::variables;

/// Returns the program of the template's function.
fn function() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ag-ui-lambda"))
}

#[tokio::test]
async fn rotated_token_and_its_predecessor_are_accepted() {
    let mut server = Server::dev(function(), &[]).await;
    let token = |session: Value| session["token"].as_str().unwrap().to_owned();
    let old = token(server.session().await);
    events_of(server.run(&old, &who_am_i()).send().await.unwrap()).await;

    server.fault("rotate-token", json!(true)).await;
    let new = token(server.session().await);

    assert_ne!(old, new);
    assert!(server.wait_for_output("The shared token was rotated").await.ends_with(&new));
    events_of(server.run(&new, &who_am_i()).send().await.unwrap()).await;
    events_of(server.run(&old, &who_am_i()).send().await.unwrap()).await;
}

#[tokio::test]
async fn secrets_outage_refuses_cold_and_serves_warm() {
    let server = Server::dev(function(), &[]).await;
    let token = server.session().await["token"].as_str().unwrap().to_owned();
    events_of(server.run(&token, &who_am_i()).send().await.unwrap()).await;

    server.fault("secrets", json!("down")).await;
    events_of(server.run(&token, &who_am_i()).send().await.unwrap()).await;
    server.fault("cold-start", json!(true)).await;
    let answer = server.run(&token, &who_am_i()).send().await.unwrap();
    assert_eq!(answer.status(), 503);

    server.fault("secrets", json!("up")).await;
    server.fault("cold-start", json!(true)).await;
    events_of(server.run(&token, &who_am_i()).send().await.unwrap()).await;
}

#[tokio::test]
async fn deadline_ends_a_run_and_cut_breaks_it() {
    let delay = ("AGUI_SCRIPTED_DELAY_MS", "50");
    let server = Server::dev_with(function(), &["--deadline", "2"], &[delay]).await;
    let token = server.session().await["token"].as_str().unwrap().to_owned();
    let events = events_of(server.run(&token, &who_am_i()).send().await.unwrap()).await;
    let reason = events.last().unwrap().pointer("/metadata/ag_ui_lambda/reason").cloned();
    assert_eq!(reason, Some(json!("DEADLINE")), "the last two seconds belong to the function's own ending");

    server.fault("deadline", Value::Null).await;
    server.fault("cut-client", json!(3)).await;
    let answer = server.run(&token, &who_am_i()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.is_err(), "the connection broke");
}

#[tokio::test]
async fn throttle_skips_and_freeze_delays_invocations() {
    let server = Server::dev(function(), &["--throttle"]).await;
    let token = server.session().await["token"].as_str().unwrap().to_owned();
    let answer = server.run(&token, &who_am_i()).send().await.unwrap();
    assert_eq!(answer.status(), 429);

    server.fault("throttle", json!(false)).await;
    server.fault("freeze", json!(true)).await;
    let mut run = std::pin::pin!(server.run(&token, &user_input("Hello")).send());
    tokio::select! {
        answer = &mut run => panic!("a frozen function answered {answer:?}"),
        () = tokio::time::sleep(std::time::Duration::from_millis(300)) => {}
    }
    server.fault("freeze", json!(false)).await;
    events_of(run.await.unwrap()).await;
}

#[tokio::test]
async fn running_request_finishes_in_the_replaced_process() {
    let server = Server::dev_with(function(), &[], &[("AGUI_SCRIPTED_DELAY_MS", "50")]).await;
    let token = server.session().await["token"].as_str().unwrap().to_owned();
    let run = server.run(&token, &who_am_i()).send().await.unwrap();

    server.fault("cold-start", json!(true)).await;

    assert_eq!(events_of(run).await.last().unwrap()["type"], "RUN_FINISHED");
}

#[tokio::test]
async fn replaced_frozen_process_finishes_its_runs() {
    let server = Server::dev_with(function(), &[], &[("AGUI_SCRIPTED_DELAY_MS", "50")]).await;
    let token = server.session().await["token"].as_str().unwrap().to_owned();
    let run = server.run(&token, &who_am_i()).send().await.unwrap();

    server.fault("freeze", json!(true)).await;
    let faults = server.fault("cold-start", json!(true)).await;

    let freeze = faults.as_array().unwrap().iter().find(|fault| fault["id"] == "freeze").unwrap();
    assert_eq!(freeze["value"], false, "the next process is not frozen");
    assert_eq!(events_of(run).await.last().unwrap()["type"], "RUN_FINISHED");
}

#[tokio::test]
async fn invalid_fault_is_refused_with_accepted_values() {
    let server = Server::dev(function(), &[]).await;
    for (id, value, expected) in [
        ("earthquake", json!(true), "no fault of this name"),
        ("secrets", json!("sideways"), "`up`, `slow` or `down`"),
        ("deadline", json!(-1), "a whole number"),
        ("deadline", json!(u64::MAX), "at most 900 seconds"),
        ("throttle", json!("yes"), "true or false"),
    ] {
        let request = server.dev_request(reqwest::Method::POST, &format!("/_dev/faults/{id}"));
        let answer = request.with_json(&json!({ "value": value })).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{id}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(expected), "{text}");
    }
    let local = Server::local(&[]).await;
    let refused = local
        .dev_request(reqwest::Method::POST, "/_dev/faults/throttle")
        .with_json(&json!({ "value": true }));
    assert_eq!(refused.send().await.unwrap().status(), 400, "a function that serves itself has no faults");
}

#[tokio::test]
async fn rebuilt_function_is_restarted() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rebuilt");
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("function");
    fs::copy(function(), &program).unwrap();
    let mut server = Server::dev(&program, &[]).await;

    // Like cargo, this replaces the old file with a new one.
    let linked = folder.join("linked");
    fs::copy(function(), &linked).unwrap();
    fs::rename(&linked, &program).unwrap();

    server.wait_for_output("The program was built again").await;
    let token = server.session().await["token"].as_str().unwrap().to_owned();
    events_of(server.run(&token, &who_am_i()).send().await.unwrap()).await;
}

#[tokio::test]
async fn model_responses_are_cut_and_restored() {
    let wire = Wire::OpenAiChat;
    let provider = Provider::start().await.unwrap();
    provider.reply_always(Reply::stream(wire, &[TurnPart::Text("A long answer of a model. ".repeat(200))]));
    let variables = variables(wire, &provider.url());
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::dev_with(function(), &["--cut-model", "1000"], &variables).await;
    let token = server.session().await["token"].as_str().unwrap().to_owned();
    let last = async || {
        let events = events_of(server.run(&token, &user_input("Hello")).send().await.unwrap()).await;
        events.last().unwrap().clone()
    };

    assert_eq!(last().await["code"], "MODEL_STREAM_CUT");
    server.fault("cut-model", Value::Null).await;
    assert_eq!(last().await["type"], "RUN_FINISHED");
}
