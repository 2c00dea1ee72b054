//! Local mode, in which the function serves itself on this machine, and `ag-ui-dev`, which serves any function and can cause
//! faults.

mod access;
mod callers;
mod faults;
mod jwt;
mod serving;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::function::{events, program, user_input};

/// Long enough for a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// A development server in its own process. It is killed when it is dropped.
struct Server {
    /// The process.
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    /// The address, without a slash at the end.
    url: String,
    /// The key to the server's own routes.
    key: String,
}

impl Server {
    /// Starts the template's function in local mode.
    async fn local(variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
        command.env("AGUI_LOCAL", "1");
        Self::start(command, variables).await
    }

    /// Starts `ag-ui-dev` with this program and these options.
    async fn dev(function: &Path, options: &[&str]) -> Self {
        Self::dev_with(function, options, &[]).await
    }

    /// Does the same with these variables.
    async fn dev_with(function: &Path, options: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program("ag-ui-dev"));
        command.arg("--program").arg(function).args(options);
        Self::start(command, variables).await
    }

    /// Starts a server and reads its address from the terminal.
    async fn start(mut command: Command, variables: &[(&str, &str)]) -> Self {
        command.env("AGUI_PORT", "0").env("AGUI_SCRIPTED_DELAY_MS", "0").envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let page = timeout(LIMIT, async {
            loop {
                let line = output.next_line().await.unwrap().expect("the server has ended");
                if let Some(page) = line.strip_prefix("Page   ") {
                    return page.to_owned();
                }
            }
        });
        let page = page.await.expect("the server prints the page's address");
        let (url, key) = page.split_once("/#key=").unwrap();
        Self { child, output, url: url.to_owned(), key: key.to_owned() }
    }

    /// Builds a request without a key.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        reqwest::Client::new().request(method, format!("{}{path}", self.url))
    }

    /// Builds a request to one of the server's own routes.
    fn dev_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("x-agui-dev-key", &self.key)
    }

    /// Returns the session that the page reads.
    async fn session(&self) -> Value {
        self.dev_request(Method::GET, "/_dev/session")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Sets a fault, which must be accepted.
    async fn fault(&self, id: &str, value: Value) -> Value {
        let request = self
            .dev_request(Method::POST, &format!("/_dev/faults/{id}"))
            .with_json(&json!({ "value": value }));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{id}");
        response.text().await.unwrap().parse().unwrap()
    }

    /// Builds a request for a run with this token.
    fn run(&self, token: &str, input: &Value) -> RequestBuilder {
        self.request(Method::POST, "/").header("x-agui-token", token).with_json(input)
    }

    /// Runs as this sample caller and returns the events.
    async fn run_as(&self, caller: &str, input: &Value) -> Vec<Value> {
        let request = self.run(&self.key, input).header("x-agui-dev-as", caller);
        events_of(request.send().await.unwrap()).await
    }

    /// Reads the terminal output until a line contains this text.
    async fn wait_for_output(&mut self, text: &str) -> String {
        let line = timeout(LIMIT, async {
            loop {
                let line = self.output.next_line().await.unwrap().expect("the server has ended");
                if line.contains(text) {
                    return line;
                }
            }
        });
        line.await.unwrap_or_else(|_| panic!("no line holds {text}"))
    }
}

/// Adds a JSON body to requests.
trait Json {
    /// Sets the body and the content type.
    fn with_json(self, body: &Value) -> Self;
}

impl Json for RequestBuilder {
    fn with_json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }
}

/// Reads the events of a run.
async fn events_of(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), 200);
    events(&response.text().await.unwrap())
}

/// Returns the result of `get_account` in a run.
fn account_of(events: &[Value]) -> Value {
    let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    serde_json::from_str(result["content"].as_str().unwrap()).unwrap()
}

/// Returns the input of a run in which the model calls `get_account`.
fn who_am_i() -> Value {
    user_input("Who am I?")
}
