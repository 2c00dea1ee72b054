//! The function under AWS's own Runtime Interface Emulator, which is part of SAM's Python package.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::support::function::{TOKEN, events};
use crate::support::{free_port, sam_venv};

const SEPARATOR: &[u8] = &[0; 8];

/// Returns the emulator's program for this machine, from the environment that `make test` sets up.
fn emulator() -> PathBuf {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let library = sam_venv().join("lib");
    let pythons =
        std::fs::read_dir(&library).unwrap_or_else(|_| panic!("no SAM in {library:?}: run `make test`"));
    let mut places = pythons.map(|python| {
        python.unwrap().path().join(format!("site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"))
    });
    places.find(|place| place.is_file()).expect("SAM has an emulator for this machine")
}

/// Starts the emulator with the function behind it.
fn start(port: u16) -> Child {
    let mut command = Command::new(emulator());
    command
        .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
        .args(["--runtime-api-address", &format!("127.0.0.1:{}", free_port())])
        .arg(env!("CARGO_BIN_EXE_ag-ui-lambda"))
        .envs([("AGUI_LOCAL", "1"), ("AGUI_TOKEN", TOKEN), ("AGUI_MODEL", "scripted/demo")]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

#[tokio::test]
async fn response_is_prelude_eight_nulls_and_frames() {
    let port = free_port();
    let _emulator = start(port);
    let url = format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations");
    let event = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/events/function-url-tool.json")).unwrap();

    let answer = timeout(Duration::from_secs(30), async {
        loop {
            match Client::new().post(&url).body(event.clone()).send().await {
                Ok(answer) => return answer,
                // It does not listen yet.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    });
    let body = answer.await.expect("the emulator answers").bytes().await.unwrap();

    let at = body.windows(SEPARATOR.len()).position(|window| window == SEPARATOR).unwrap();
    let head: Value = serde_json::from_slice(&body[..at]).unwrap();
    assert_eq!(head["statusCode"], 200);
    assert_eq!(head["headers"]["content-type"], "text/event-stream");
    let events = events(std::str::from_utf8(&body[at + SEPARATOR.len()..]).unwrap());
    assert_eq!(events[0]["type"], "RUN_STARTED");
    assert!(events.iter().any(|event| event["toolCallName"] == "get_weather"));
    assert_eq!(events.last().unwrap()["type"], "RUN_FINISHED");
}
